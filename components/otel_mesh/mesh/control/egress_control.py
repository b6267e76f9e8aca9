"""Egress control: the hosts that workloads connect to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from otel_mesh.k8s.component import Component
from otel_mesh.mesh.binding import MeshBinding  # noqa: TC001 - a component plugin reads it at run time
from otel_mesh.mesh.control.renderers import renderer
from otel_mesh.mesh.policies.egress import EXTERNAL, Egress, EgressHost


@dataclass(frozen=True, kw_only=True)
class EgressControlArgs:
    """Arguments of an `EgressControl`.

    Attributes:
        namespace: Namespace of the workloads.
        egress: Hosts that the workloads connect to.
        mesh: Binding of the mesh.
        prefix: Beginning of the names of the objects about hosts. Several components of one namespace need one each
            with Istio. With Linkerd, one component has to list all hosts of a namespace.
    """

    namespace: pulumi.Input[str]
    egress: tuple[Egress, ...]
    mesh: MeshBinding
    prefix: str = EXTERNAL


class EgressControl(Component):
    """Makes the declared hosts the only ones that the proxies of a namespace connect to.

    Raises:
        InvalidSettingsError: There is no mesh.
    """

    TYPE: ClassVar[str] = "EgressControl"

    def __init__(self, name: str, args: EgressControlArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        mesh = renderer(args.mesh)
        manifests = mesh.egress(args.egress, args.mesh, args.namespace, prefix=args.prefix)
        super().__init__(name, opts)
        for note in mesh.egress_notes(args.egress):
            pulumi.log.warn(note, self)
        self.children(manifests)
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class TelemetryEgressArgs:
    """Arguments of a `TelemetryEgress`.

    Attributes:
        namespace: Namespace of the Collectors.
        hosts: Servers outside the mesh.
        mesh: Binding of the mesh.
        prefix: Beginning of the objects' names. Several components of one namespace need one each.
    """

    namespace: pulumi.Input[str]
    hosts: tuple[EgressHost, ...]
    mesh: MeshBinding
    prefix: str = "telemetry"


class TelemetryEgress(Component):
    """Lets the proxies of Collectors connect to telemetry backends outside the cluster.

    Raises:
        InvalidSettingsError: There is no mesh.
    """

    TYPE: ClassVar[str] = "TelemetryEgress"

    def __init__(self, name: str, args: TelemetryEgressArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        manifests = renderer(args.mesh).telemetry_egress(args.namespace, args.hosts, prefix=args.prefix)
        super().__init__(name, opts)
        self.children(manifests)
        self.register_outputs({})
