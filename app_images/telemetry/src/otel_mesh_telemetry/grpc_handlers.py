"""What the server interceptors share, synchronous or not: which calls are traced, how handlers are wrapped and run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import grpc
from opentelemetry import context as context_api
from opentelemetry.propagate import get_global_textmap
from opentelemetry.trace import SpanKind

from otel_mesh_telemetry import deadline
from otel_mesh_telemetry.features import Features
from otel_mesh_telemetry.outside import NO_CONTEXT, Outside, begin_anew, outside_from
from otel_mesh_telemetry.rpc import Recorder, carried

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from otel_mesh_telemetry.features import Feature
    from otel_mesh_telemetry.rpc import Call, Metadata

    Wrap = Callable[[str, Callable[..., Any]], Callable[..., Any]]


HEALTH = ("grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch")
"""What probes call."""


class ServedCalls:
    """Begins the spans of a server's calls.

    Args:
        features: what else is read from a call's metadata, in order.
        exclude: full names of methods that leave neither a span nor a measurement.
        tracer_provider: where spans go; the global one by default.
        meter_provider: where measurements go; the global one by default.

    Raises:
        ConfigError: OTEL_MESH_OUTSIDE_CONTEXT, which says what becomes of the callers' trace context, is not known.
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
        """Whether calls of ``/package.Service/Method`` are traced."""
        return method.lstrip("/") not in self._exclude

    def start(self, method: str, metadata: Metadata | None) -> Call:
        """Begin a call, as a part of the trace that its caller is in."""
        carrier = carried(metadata)
        propagator = get_global_textmap()
        if self._outside is Outside.CONTINUE:
            call = self._recorder.start(method, propagator.extract(carrier, NO_CONTEXT))
        else:
            call = self._recorder.start(method, *begin_anew(self._outside, carrier, propagator))
        if self._features:
            call.context = self._features.apply(carrier, call.span, call.context)
        return call


class Serving(Protocol):
    """The part of both kinds of ``ServicerContext`` that is alike."""

    def time_remaining(self) -> float | None:
        """Seconds until the caller gives up; None when it waits for ever."""


def cancelled_status(context: Serving) -> grpc.StatusCode:
    """The status of a call that ended before its handler did: its time is over, or the caller left."""
    left = context.time_remaining()
    return grpc.StatusCode.DEADLINE_EXCEEDED if left is not None and left <= 0 else grpc.StatusCode.CANCELLED


def wrapped(
    handler: grpc.RpcMethodHandler[Any, Any] | None, method: str, unary: Wrap, streaming: Wrap
) -> grpc.RpcMethodHandler[Any, Any] | None:
    """The handler with its behaviour wrapped; None for a method that the server does not know.

    Args:
        handler: found by the server.
        method: its full name.
        unary: wraps the behaviour of one that answers once.
        streaming: wraps the behaviour of one that answers with a stream.
    """
    if handler is None:
        return None
    found: Any = handler  # the stubs don't know its attributes
    make, behaviour = _parts(found)
    wrap = streaming if found.response_streaming else unary
    return make(wrap(method, behaviour), found.request_deserializer, found.response_serializer)


def _parts(handler: Any) -> tuple[Callable[..., grpc.RpcMethodHandler[Any, Any]], Callable[..., Any]]:  # noqa: ANN401
    """What makes a handler of the same kind, and the handler's own behaviour."""
    if handler.request_streaming and handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler, handler.stream_stream
    if handler.request_streaming:
        return grpc.stream_unary_rpc_method_handler, handler.stream_unary
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler, handler.unary_stream
    return grpc.unary_unary_rpc_method_handler, handler.unary_unary


@contextmanager
def current(call: Call, context: Serving) -> Iterator[None]:
    """Make the call's span current, and its own deadline that of every call made meanwhile."""
    token = context_api.attach(call.context)
    deadline_token = deadline.enter(context.time_remaining())
    try:
        yield
    finally:
        deadline.leave(deadline_token)
        context_api.detach(token)
