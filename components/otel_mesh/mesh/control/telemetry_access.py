"""Access control for a Collector in the mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pulumi  # noqa: TC002 - a component plugin reads it at run time

from otel_mesh.core.labels import selector
from otel_mesh.core.network import OTLP_GRPC_PORT, OTLP_HTTP_PORT
from otel_mesh.k8s.component import Component
from otel_mesh.mesh.binding import MeshBinding  # noqa: TC001 - a component plugin reads it at run time
from otel_mesh.mesh.control.renderers import renderer
from otel_mesh.mesh.policies.access import Caller  # noqa: TC001 - a component plugin reads it at run time

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest


@dataclass(frozen=True, kw_only=True)
class TelemetryAccessArgs:
    """Arguments of a `TelemetryAccess`.

    Attributes:
        namespace: Namespace of the Collector.
        collector: Name of the Collector.
        senders: Identities that may send telemetry, as `MeshBinding.identity` writes them.
        ports: Ports that receive telemetry.
        mesh: Binding of the mesh.
    """

    namespace: pulumi.Input[str]
    collector: str
    senders: tuple[str, ...]
    ports: tuple[int, ...]
    mesh: MeshBinding


class TelemetryAccess(Component):
    """Allows only known identities to send telemetry to a Collector, and turns off tracing of these calls."""

    TYPE: ClassVar[str] = "TelemetryAccess"

    def __init__(self, name: str, args: TelemetryAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        selected = selector("otel-collector", args.collector)
        manifests = renderer(args.mesh).telemetry_access(
            args.collector,
            args.namespace,
            selected,
            senders=args.senders,
            ports=args.ports,
            networks=args.mesh.span_networks,
        )
        super().__init__(name, opts)
        self.children(manifests)
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class TelemetrySendersArgs:
    """Arguments of a `TelemetrySenders`.

    Attributes:
        mesh: Binding of the mesh, with the identity of its Collector.
        senders: Workloads that may send telemetry to that Collector.
    """

    mesh: MeshBinding
    senders: tuple[Caller, ...]


def telemetry_senders_manifests(name: str, args: TelemetrySendersArgs) -> list[Manifest]:
    """Objects that add senders; none where the Collector does not check who sends.

    Args:
        name: Name of the objects, unique in the Collector's namespace.
        args: Arguments of the component.
    """
    collector = args.mesh.collector
    identities = [args.mesh.identity(one.namespace, one.service_account) for one in args.senders]
    senders = [one for one in identities if one is not None]
    if collector is None or not senders:
        return []
    selected = selector("otel-collector", collector.service_account)
    ports = (OTLP_GRPC_PORT, OTLP_HTTP_PORT)
    mesh = renderer(args.mesh)
    return mesh.telemetry_senders(name, collector.namespace, selected, senders=senders, ports=ports)


class TelemetrySenders(Component):
    """Lets workloads of a team's own stack send telemetry to the platform's Collector.

    The objects lie in the Collector's namespace, beside the platform's own: the mesh accepts what any of them allows.
    """

    TYPE: ClassVar[str] = "TelemetrySenders"

    def __init__(self, name: str, args: TelemetrySendersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.children(telemetry_senders_manifests(name, args))
        self.register_outputs({})
