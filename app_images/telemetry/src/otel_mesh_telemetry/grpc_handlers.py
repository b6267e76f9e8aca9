"""Shared parts of the synchronous and asyncio server interceptors: start of calls and wrapping of handlers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import grpc
from opentelemetry import context as context_api
from opentelemetry.propagate import get_global_textmap
from opentelemetry.trace import SpanKind

from otel_mesh_telemetry import deadline
from otel_mesh_telemetry.features import Features
from otel_mesh_telemetry.outside import NO_CONTEXT, Outside, outside_from, start_new_trace
from otel_mesh_telemetry.rpc import Recorder, carried

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from otel_mesh_telemetry.features import Feature
    from otel_mesh_telemetry.rpc import Call, Metadata

    Wrap = Callable[[str, Callable[..., Any]], Callable[..., Any]]


HEALTH = ("grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch")
"""Methods called by health probes."""


class ServedCalls:
    """Starts the spans of a server's calls.

    Args:
        features: Server features, in the order of their application.
        exclude: Full names of methods without spans and metrics.
        tracer_provider: Provider of the tracers; the global one by default.
        meter_provider: Provider of the meters; the global one by default.

    Raises:
        ConfigError: OTEL_MESH_OUTSIDE_CONTEXT has an unknown value.
    """

    def __init__(
        self,
        features: Iterable[Feature],
        exclude: Collection[str],
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
    ) -> None:
        self._recorder = Recorder(SpanKind.SERVER, tracer_provider, meter_provider)
        self._features = Features(features)
        self._exclude = frozenset(exclude)
        self._outside = outside_from()

    def includes(self, method: str) -> bool:
        """True if calls of ``/package.Service/Method`` are traced."""
        return method.lstrip("/") not in self._exclude

    def start(self, method: str, metadata: Metadata | None) -> Call:
        """Start a call in the caller's trace, or in a new one if callers are not trusted."""
        carrier = carried(metadata)
        propagator = get_global_textmap()
        if self._outside is Outside.CONTINUE:
            call = self._recorder.start(method, propagator.extract(carrier, NO_CONTEXT))
        else:
            call = self._recorder.start(method, *start_new_trace(self._outside, carrier, propagator))
        if self._features:
            call.context = self._features.apply(carrier, call.span, call.context)
        return call


class Serving(Protocol):
    """Common interface of the synchronous and asyncio ``ServicerContext``."""

    def time_remaining(self) -> float | None:
        """Seconds until the caller's deadline; None without a deadline."""


def cancelled_status(context: Serving) -> grpc.StatusCode:
    """The status of a call that ended before its handler: deadline exceeded, or cancelled by the caller.

    A caller gives up at the same deadline and cancels the call. If that arrives before the server's own deadline
    passes, the status is CANCELLED, because the reason is not transmitted.
    """
    left = context.time_remaining()
    return grpc.StatusCode.DEADLINE_EXCEEDED if left is not None and left <= 0 else grpc.StatusCode.CANCELLED


def wrapped(
    handler: grpc.RpcMethodHandler[Any, Any] | None, method: str, unary: Wrap, streaming: Wrap
) -> grpc.RpcMethodHandler[Any, Any] | None:
    """The handler with its behaviour wrapped; None for an unknown method.

    Args:
        handler: Handler found by the server; None for an unknown method.
        method: Full name of the method.
        unary: Wrapper for behaviours with a single response.
        streaming: Wrapper for behaviours with a stream of responses.
    """
    if handler is None:
        return None
    found: Any = handler  # its attributes are missing in the stubs
    make, behaviour = _parts(found)
    wrap = streaming if found.response_streaming else unary
    return make(wrap(method, behaviour), found.request_deserializer, found.response_serializer)


def _parts(handler: Any) -> tuple[Callable[..., grpc.RpcMethodHandler[Any, Any]], Callable[..., Any]]:  # noqa: ANN401
    """The constructor of handlers of the same kind, and the handler's behaviour."""
    if handler.request_streaming and handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler, handler.stream_stream
    if handler.request_streaming:
        return grpc.stream_unary_rpc_method_handler, handler.stream_unary
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler, handler.unary_stream
    return grpc.unary_unary_rpc_method_handler, handler.unary_unary


@contextmanager
def current(call: Call, context: Serving) -> Iterator[None]:
    """Make the call's span current and apply its deadline to calls made inside."""
    token = context_api.attach(call.context)
    deadline_token = deadline.enter(context.time_remaining())
    try:
        yield
    finally:
        deadline.leave(deadline_token)
        context_api.detach(token)
