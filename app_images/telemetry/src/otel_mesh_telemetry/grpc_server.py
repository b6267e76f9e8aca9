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
    """``grpc.server(..., interceptors=[ServerInterceptor()])``.

    The span continues the caller's, is current in the handler, and the call's own deadline holds for every call
    made while it is handled. Methods that the server does not know leave no span: their names are the caller's.

    Args:
        features: what else is read from a call's metadata, in order.
        exclude: full names of methods that leave neither a span nor a measurement; those of health probes.
        tracer_provider: where spans go; the global one by default.
        meter_provider: where measurements go; the global one by default.
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
            with _finishing(call, context), current(call, context):
                return behaviour(request, context)

        return handle

    def _streaming(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        def handle(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: ANN401
            call = self._calls.start(method, context.invocation_metadata())
            with _finishing(call, context):
                with current(call, context):
                    responses = iter(behaviour(request, context))
                while True:
                    # Current only while the handler runs: between two messages the thread is the server's.
                    with current(call, context):
                        try:
                            response = next(responses)
                        except StopIteration:
                            return
                    yield response

        return handle


@contextmanager
def _finishing(call: Call, context: grpc.ServicerContext) -> Iterator[None]:
    try:
        yield
    except GeneratorExit:
        call.finish(grpc.StatusCode.CANCELLED)  # the caller left before the last message
        raise
    except BaseException as error:
        code = _code(context)
        if code is None:  # not by context.abort(): the handler failed, gRPC answers UNKNOWN
            call.failed(error)
            code = grpc.StatusCode.UNKNOWN
        call.finish(code)
        raise
    else:
        call.finish(_code(context))


def _code(context: grpc.ServicerContext) -> object:
    code = context.code()  # type: ignore[attr-defined]
    return code or None
