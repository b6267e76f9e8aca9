"""Access policies as Istio's AuthorizationPolicies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pulumi  # noqa: TC002 - a component plugin reads it at run time

from otel_mesh.k8s.component import Component
from otel_mesh.mesh.binding import MeshBinding  # noqa: TC001 - a component plugin reads it at run time
from otel_mesh.mesh.istio.authorization import allow, authorization_policy, rule
from otel_mesh.mesh.policies.access import Access  # noqa: TC001 - a component plugin reads it at run time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.policies.access import Grant, Operation

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
    """
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


def _rule(grant: Grant, access: Access, binding: MeshBinding) -> dict[str, Any]:
    identities = [binding.identity(one.namespace, one.service_account) for one in grant.callers]
    operations = [_operation(one, access.port) for one in grant.operations] or [{"ports": [str(access.port)]}]
    return rule((one for one in identities if one is not None), operations)


def _operation(operation: Operation, port: int) -> dict[str, Any]:
    methods = {"methods": list(operation.methods)} if operation.methods else {}
    paths = {"paths": [operation.path]} if operation.path else {}
    return {**methods, **paths, "ports": [str(port)]}


@dataclass(frozen=True, kw_only=True)
class AccessControlArgs:
    """Arguments of an `AccessControl`.

    Attributes:
        namespace: Namespace of the workloads.
        accesses: Access to each workload of the namespace; a meshed workload without one accepts no call.
        mesh: Binding of the mesh.
        refuses_rest: Whether the namespace's other workloads accept no call. False if another component of the
            namespace says so already.
    """

    namespace: pulumi.Input[str]
    accesses: tuple[Access, ...]
    mesh: MeshBinding
    refuses_rest: bool = True


class AccessControl(Component):
    """Makes the declared calls the only calls to the meshed workloads of a namespace."""

    TYPE: ClassVar[str] = "AccessControl"

    def __init__(self, name: str, args: AccessControlArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.children(access_policies(args.accesses, args.mesh, args.namespace, refuses_rest=args.refuses_rest))
        self.register_outputs({})
