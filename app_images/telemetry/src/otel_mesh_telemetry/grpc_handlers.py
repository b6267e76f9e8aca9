"""What the server interceptors share, synchronous or not: handlers are wrapped alike, and run in the call's context."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import grpc
from opentelemetry import context as context_api

from otel_mesh_telemetry import deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_mesh_telemetry.rpc import Call

    Wrap = Callable[[str, Callable[..., Any]], Callable[..., Any]]


class Serving(Protocol):
    """The part of both kinds of ``ServicerContext`` that is alike."""

    def time_remaining(self) -> float | None:
        """Seconds until the caller gives up; None when it waits for ever."""


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
