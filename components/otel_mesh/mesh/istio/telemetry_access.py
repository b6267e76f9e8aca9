"""Access control for a Collector in the mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi  # noqa: TC002 - a component plugin reads it at run time

from otel_mesh.core.labels import selector
from otel_mesh.k8s.component import Component
from otel_mesh.mesh.istio.policy import telemetry_senders, untraced_namespace


@dataclass(frozen=True, kw_only=True)
class TelemetryAccessArgs:
    """Arguments of a `TelemetryAccess`.

    Attributes:
        namespace: Namespace of the Collector.
        collector: Name of the Collector.
        senders: SPIFFE identities that may send telemetry.
        ports: Ports that receive telemetry.
    """

    namespace: pulumi.Input[str]
    collector: str
    senders: tuple[str, ...]
    ports: tuple[int, ...]


class TelemetryAccess(Component):
    """Allows only known identities to send telemetry to a Collector, and turns off tracing of these calls."""

    TYPE: ClassVar[str] = "TelemetryAccess"

    def __init__(self, name: str, args: TelemetryAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        selected = selector("otel-collector", args.collector)
        senders = telemetry_senders(
            f"{args.collector}-senders", args.namespace, selected, senders=args.senders, ports=args.ports
        )
        self.children([senders, untraced_namespace("untraced", args.namespace)])
        self.register_outputs({})
