"""Access policies as Istio's AuthorizationPolicies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.mesh.istio.authorization import allow, authorization_policy, rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pulumi

    from otel_mesh.catalog.routes import Operation
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.binding import MeshBinding
    from otel_mesh.mesh.istio import policy_types
    from otel_mesh.mesh.policies.access import Access, Grant

DENY_ALL: Final = "declared-calls-only"
"""Name of the policy that refuses what no other policy of its namespace allows."""


def access_policies(
    accesses: Iterable[Access], binding: MeshBinding, namespace: pulumi.Input[str], *, refuses_rest: bool = True
) -> list[Manifest]:
    """AuthorizationPolicies of a namespace: one that allows nothing, and one per workload that allows its callers.

    The kubelet's probes and Prometheus' scrapes of the proxies are not affected: neither passes the proxy's listener of
    the workload's port.

    Args:
        accesses: Access to each workload of the namespace.
        binding: Mesh whose trust domain the identities belong to.
        namespace: Namespace of the workloads.
        refuses_rest: Whether the policy that allows nothing is among them.

    Raises:
        InvalidSettingsError: Callers without an identity are to be accepted.
    """
    accesses = tuple(accesses)
    if open_to := [one.workload for one in accesses if one.networks]:
        reason = f"{open_to[0]}: the mesh accepts no caller without an identity"
        raise InvalidSettingsError([Problem("networks", reason, "name the callers by their identity")])
    return [
        *([authorization_policy(DENY_ALL, namespace, {})] if refuses_rest else []),
        *(
            authorization_policy(
                f"{access.workload}-callers",
                namespace,
                allow(
                    {access.label.value: access.workload},
                    [_rule(grant, access, binding) for grant in access.grants],
                ),
            )
            for access in accesses
            if access.grants
        ),
    ]


def _rule(grant: Grant, access: Access, binding: MeshBinding) -> policy_types.AccessRule:
    identities = [binding.identity(one.namespace, one.service_account) for one in grant.callers]
    whole: policy_types.Operation = {"ports": [str(access.port)]}
    operations = [_operation(one, access.port) for one in grant.operations] or [whole]
    return rule((one for one in identities if one is not None), operations)


def _operation(operation: Operation, port: int) -> policy_types.Operation:
    made: policy_types.Operation = {}
    if operation.http_methods:
        made["methods"] = list(operation.http_methods)
    if path := operation.http_path:
        # Istio's prefixes are of characters: /orders/* is not /orders
        base = [path.removesuffix("/*")] if path.endswith("/*") and path != "/*" else []
        made["paths"] = [*base, path]
    made["ports"] = [str(port)]
    return made
