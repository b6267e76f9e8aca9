"""Shared parts of the gRPC interceptors: names, attributes, statuses, durations.

Semantic conventions: ``rpc.system.name``, the fully qualified ``rpc.method``, ``rpc.response.status_code``; spans are
named ``package.Service/Method``. Requires ``grpcio``.
"""

from __future__ import annotations

from base64 import b64encode
from time import perf_counter
from typing import TYPE_CHECKING

import grpc
from opentelemetry import trace
from opentelemetry.metrics import MeterProvider, get_meter_provider
from opentelemetry.propagate import get_global_textmap
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

from otel_mesh_telemetry import exceptions
from otel_mesh_telemetry.instrumentation import meter_of, tracer_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, TracerProvider

    Metadata = Iterable[tuple[str, str | bytes]]

SCOPE = "otel_mesh_telemetry.grpc"
BOUNDARIES = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Histogram bucket boundaries in seconds, as recommended by the semantic conventions for RPC."""

SERVER_ERRORS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
"""Statuses that count as failures of the server; the others are caused by the caller or are regular results."""


def status_name(code: object) -> str:
    """The name of a status in any of gRPC's representations; OK for None."""
    if code is None:
        return "OK"
    if isinstance(code, grpc.StatusCode):
        return code.name
    return next((known.name for known in grpc.StatusCode if known.value[0] == code), "UNKNOWN")


class Recorder:
    """Creates the spans and durations of calls, on the client or the server side.

    Args:
        kind: SERVER or CLIENT.
        tracer_provider: Provider of the tracers; the global one by default.
        meter_provider: Provider of the meters; the global one by default.
        peer: Attributes of the called service, for clients.
    """

    def __init__(
        self,
        kind: SpanKind,
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
        peer: dict[str, str | int] | None = None,
    ) -> None:
        self._kind = kind
        self._tracer = tracer_of(tracer_provider or trace.get_tracer_provider(), SCOPE)
        side = "server" if kind is SpanKind.SERVER else "client"
        self._duration = meter_of(meter_provider or get_meter_provider(), SCOPE).create_histogram(
            f"rpc.{side}.call.duration",
            unit="s",
            description=f"Duration of RPC {side} calls.",
            explicit_bucket_boundaries_advisory=BOUNDARIES,
        )
        self._peer = peer or {}

    def start(self, method: str, context: Context | None = None, links: Sequence[Link] = ()) -> Call:
        """Start a call of ``/package.Service/Method``."""
        name = method.lstrip("/")
        attributes: dict[str, str | int] = {"rpc.system.name": "grpc", "rpc.method": name, **self._peer}
        span = self._tracer.start_span(name, context, self._kind, attributes, links)
        return Call(self, span, set_span_in_context(span, context), attributes)

    def finish(self, call: Call, status: str) -> None:
        """End a call; called by :class:`Call`."""
        attributes = call.attributes
        attributes["rpc.response.status_code"] = status
        call.span.set_attribute("rpc.response.status_code", status)
        failed = status in SERVER_ERRORS if self._kind is SpanKind.SERVER else status != "OK"
        if failed:
            attributes["error.type"] = status
            call.span.set_attribute("error.type", status)
            call.span.set_status(Status(StatusCode.ERROR))
        self._duration.record(perf_counter() - call.began, attributes, call.context)
        call.span.end()


class Call:
    """A call in progress.

    Attributes:
        span: Span of the call.
        context: Context with the span as the current one.
    """

    def __init__(self, recorder: Recorder, span: Span, context: Context, attributes: dict[str, str | int]) -> None:
        self._recorder = recorder
        self._finished = False
        self.span = span
        self.context = context
        self.attributes = attributes
        self.began = perf_counter()

    def finish(self, code: object = None) -> None:
        """End the call with a status; later calls do nothing, as callbacks may run twice."""
        if not self._finished:
            self._finished = True
            self._recorder.finish(self, status_name(code))

    def failed(self, error: BaseException) -> None:
        """Record an unhandled exception of the handler."""
        exceptions.record(self.span, error)


def carried(metadata: Metadata | None) -> dict[str, str]:
    """The metadata of a call as a mapping of names to texts; binary values are encoded as base64."""
    carrier: dict[str, str] = {}
    for key, value in metadata or ():
        text = b64encode(value).decode("ascii") if isinstance(value, bytes) else value
        carrier[key] = f"{carrier[key]},{text}" if key in carrier else text
    return carrier


def injected(metadata: Metadata | None, context: Context) -> list[tuple[str, str | bytes]]:
    """The metadata with the trace context injected, which replaces existing entries of the same names."""
    written: dict[str, str] = {}
    get_global_textmap().inject(written, context)
    kept = [(key, value) for key, value in metadata or () if key not in written]
    return [*kept, *written.items()]


def peer_attributes(target: str, peer: str | None) -> dict[str, str | int]:
    """Attributes of a called service: address from the channel's target, name from the catalog."""
    address = target.rsplit("/", 1)[-1]
    host, colon, port = address.rpartition(":")
    attributes: dict[str, str | int] = {"server.address": host if colon and port.isdecimal() else address}
    if colon and port.isdecimal():
        attributes["server.port"] = int(port)
    if peer:
        attributes |= {"service.peer.name": peer, "peer.service": peer}
    return attributes
