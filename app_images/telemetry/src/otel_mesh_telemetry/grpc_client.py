"""Client interceptor for synchronous gRPC: one client span per call, of all four kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
from opentelemetry.context import get_current
from opentelemetry.trace import SpanKind

from otel_mesh_telemetry import deadline
from otel_mesh_telemetry.rpc import Recorder, injected, peer_attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from otel_mesh_telemetry.rpc import Call


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Sequence[tuple[str, str | bytes]] | None
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class ClientInterceptor(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Client interceptor for synchronous gRPC.

    ``grpc.intercept_channel(channel, ClientInterceptor(target, peer="user-service"))``

    The trace context is propagated in the metadata. The call's timeout is limited to the time left until the deadline;
    gRPC propagates it to the server.

    Args:
        target: Target of the channel, e.g. ``dns:///user-service.shop.svc.cluster.local:8081``.
        peer: Name of the called service in the catalog.
        tracer_provider: Provider of the tracers; the global one by default.
        meter_provider: Provider of the meters; the global one by default.
    """

    def __init__(
        self,
        target: str,
        peer: str | None = None,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        about = peer_attributes(target, peer)
        self._recorder = Recorder(SpanKind.CLIENT, tracer_provider, meter_provider, about)

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:  # noqa: ANN401
        """One request, one response."""
        return self._call(continuation, client_call_details, request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:  # noqa: ANN401
        """One request, many responses; the span ends with the last one."""
        return self._call(continuation, client_call_details, request)

    def intercept_stream_unary(
        self,
        continuation: Any,  # noqa: ANN401
        client_call_details: Any,  # noqa: ANN401
        request_iterator: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Many requests, one response."""
        return self._call(continuation, client_call_details, request_iterator)

    def intercept_stream_stream(
        self,
        continuation: Any,  # noqa: ANN401
        client_call_details: Any,  # noqa: ANN401
        request_iterator: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Many requests, many responses; the span ends with the last response."""
        return self._call(continuation, client_call_details, request_iterator)

    def _call(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:  # noqa: ANN401
        method = details.method.decode() if isinstance(details.method, bytes) else details.method
        call = self._recorder.start(method, get_current())
        timeout = effective_timeout(details.timeout)
        if timeout is not None and timeout <= 0:
            call.finish(grpc.StatusCode.DEADLINE_EXCEEDED)
            raise deadline.DeadlineExceededError(f"{method}: deadline exceeded before the call")
        changed = _Details(
            method=details.method,
            timeout=timeout,
            metadata=injected(details.metadata, call.context),
            credentials=details.credentials,
            wait_for_ready=getattr(details, "wait_for_ready", None),
            compression=getattr(details, "compression", None),
        )
        try:
            outcome = continuation(changed, request)
        except BaseException:
            call.finish(grpc.StatusCode.UNKNOWN)
            raise
        _finish_with(call, outcome)
        return outcome


def _finish_with(call: Call, outcome: Any) -> None:  # noqa: ANN401 - a call, future or both
    def done(*_ignored: object) -> None:
        call.finish(outcome.code())

    # Unary calls are futures, possibly completed; streams only offer a callback at termination.
    if hasattr(outcome, "add_done_callback"):
        outcome.add_done_callback(done)
    elif not outcome.add_callback(done):
        done()


def effective_timeout(timeout: float | None) -> float | None:
    """Timeout of a call in seconds: its own, or the time left until the deadline if that is less."""
    left = deadline.remaining()
    if left is None:
        return timeout
    return left if timeout is None else min(timeout, left)
