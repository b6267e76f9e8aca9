"""Access policies as Istio's AuthorizationPolicies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pulumi  # noqa: TC002 - a component plugin reads it at run time

from otel_mesh.core.labels import Label, Role, recommended
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.manifests import Manifest, metadata
from otel_mesh.mesh.binding import MeshBinding  # noqa: TC001 - a component plugin reads it at run time
from otel_mesh.mesh.policies.access import Access  # noqa: TC001 - a component plugin reads it at run time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh.mesh.policies.access import Grant, Operation

DENY_ALL: Final = "declared-calls-only"
"""Name of the policy that refuses what no other policy of its namespace allows."""


def access_policies(accesses: Iterable[Access], binding: MeshBinding, namespace: pulumi.Input[str]) -> list[Manifest]:
    """AuthorizationPolicies of a namespace: one that allows nothing, and one per workload that allows its callers.

    Only exact principals are used: Istio 1.27 matched suffixes unescaped (istio/istio#59992). The kubelet's probes and
    Prometheus' scrapes of the proxies are not affected: neither passes the proxy's listener of the workload's port.

    Args:
        accesses: Access to each workload of the namespace.
        binding: Mesh whose trust domain the identities belong to.
        namespace: Namespace of the workloads.
    """
    return [
        _policy(DENY_ALL, namespace, {}),
        *(
            _policy(
                f"{access.workload}-callers",
                namespace,
                {
                    "selector": {"matchLabels": {Label.INSTANCE.value: access.workload}},
                    "action": "ALLOW",
                    "rules": [_rule(grant, access, binding) for grant in access.grants],
                },
            )
            for access in accesses
            if access.grants
        ),
    ]


def _rule(grant: Grant, access: Access, binding: MeshBinding) -> dict[str, Any]:
    identities = [binding.identity(one.namespace, one.service_account) for one in grant.callers]
    principals = [one.removeprefix("spiffe://") for one in identities if one is not None]
    operations = [_operation(one, access.port) for one in grant.operations] or [{"ports": [str(access.port)]}]
    return {"from": [{"source": {"principals": principals}}], "to": [{"operation": one} for one in operations]}


def _operation(operation: Operation, port: int) -> dict[str, Any]:
    methods = {"methods": list(operation.methods)} if operation.methods else {}
    paths = {"paths": [operation.path]} if operation.path else {}
    return {**methods, **paths, "ports": [str(port)]}


def _policy(name: str, namespace: pulumi.Input[str], spec: dict[str, Any]) -> Manifest:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": metadata(name, recommended("istio", name, Role.MESH), namespace=namespace),
        "spec": spec,
    }


@dataclass(frozen=True, kw_only=True)
class AccessControlArgs:
    """Arguments of an `AccessControl`.

    Attributes:
        namespace: Namespace of the workloads.
        accesses: Access to each workload of the namespace; a meshed workload without one accepts no call.
        mesh: Binding of the mesh.
    """

    namespace: pulumi.Input[str]
    accesses: tuple[Access, ...]
    mesh: MeshBinding


class AccessControl(Component):
    """Makes the declared calls the only calls to the meshed workloads of a namespace."""

    TYPE: ClassVar[str] = "AccessControl"

    def __init__(self, name: str, args: AccessControlArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.children(access_policies(args.accesses, args.mesh, args.namespace))
        self.register_outputs({})
