"""Server interceptor for synchronous gRPC: one server span per call, of all four kinds."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc

from otel_mesh_telemetry.grpc_handlers import HEALTH, ServedCalls, current, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from otel_mesh_telemetry.features import Feature
    from otel_mesh_telemetry.rpc import Call


class ServerInterceptor(grpc.ServerInterceptor):
    """Server interceptor for synchronous gRPC.

    ``grpc.server(..., interceptors=[ServerInterceptor()])``

    The span is a child of the caller's and current in the handler; the deadline of the call applies to all calls made
    by the handler. Unknown methods get no span, because their names are chosen by the caller.

    Args:
        features: Server features, in the order of their application.
        exclude: Full names of methods without spans and metrics; the health checks by default.
        tracer_provider: Provider of the tracers; the global one by default.
        meter_provider: Provider of the meters; the global one by default.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        features: Sequence[Feature] = (),
        exclude: Collection[str] = HEALTH,
    ) -> None:
        self._calls = ServedCalls(features, exclude, tracer_provider, meter_provider)

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap the method's handler."""
        handler = continuation(handler_call_details)
        if not self._calls.includes(handler_call_details.method):
            return handler
        return wrapped(handler, handler_call_details.method, self._unary, self._streaming)

    def _unary(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        def handle(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - messages of any type
            call = self._calls.start(method, context.invocation_metadata())
            with _finish_call(call, context), current(call, context):
                return behaviour(request, context)

        return handle

    def _streaming(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        def handle(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: ANN401
            call = self._calls.start(method, context.invocation_metadata())
            with _finish_call(call, context):
                with current(call, context):
                    responses = iter(behaviour(request, context))
                while True:
                    # The span is current only while the handler runs: between messages the thread serves other calls.
                    with current(call, context):
                        try:
                            response = next(responses)
                        except StopIteration:
                            return
                    yield response

        return handle


@contextmanager
def _finish_call(call: Call, context: grpc.ServicerContext) -> Iterator[None]:
    try:
        yield
    except GeneratorExit:
        call.finish(grpc.StatusCode.CANCELLED)  # the client disconnected before the last message
        raise
    except BaseException as error:
        code = _code(context)
        if code is None:  # not from context.abort(): the handler failed and gRPC responds UNKNOWN
            call.failed(error)
            code = grpc.StatusCode.UNKNOWN
        call.finish(code)
        raise
    else:
        call.finish(_code(context))


def _code(context: grpc.ServicerContext) -> object:
    code = context.code()  # type: ignore[attr-defined]
    return code or None
