"""Access control: the callers that workloads accept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi  # noqa: TC002 - a component plugin reads it at run time

from otel_mesh.k8s.component import Component
from otel_mesh.mesh.binding import MeshBinding  # noqa: TC001 - a component plugin reads it at run time
from otel_mesh.mesh.control.renderers import renderer
from otel_mesh.mesh.policies.access import Access  # noqa: TC001 - a component plugin reads it at run time


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
    """Makes the declared calls the only calls to the meshed workloads of a namespace.

    Raises:
        InvalidSettingsError: There is no mesh.
    """

    TYPE: ClassVar[str] = "AccessControl"

    def __init__(self, name: str, args: AccessControlArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        mesh = args.mesh
        manifests = renderer(mesh).access(args.accesses, mesh, args.namespace, refuses_rest=args.refuses_rest)
        super().__init__(name, opts)
        self.children(manifests)
        self.register_outputs({})
