"""Server interceptor for asyncio gRPC: one server span per call, of all four kinds."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
from grpc import aio

from otel_mesh_telemetry.grpc_handlers import HEALTH, ServedCalls, cancelled_status, current, wrapped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from otel_mesh_telemetry.features import Feature
    from otel_mesh_telemetry.rpc import Call


class AioServerInterceptor(aio.ServerInterceptor):
    """Server interceptor for ``grpc.aio``; behaves like :class:`~otel_mesh_telemetry.ServerInterceptor`.

    ``grpc.aio.server(interceptors=[AioServerInterceptor()])``

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

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap the method's handler."""
        handler = await continuation(handler_call_details)
        if not self._calls.includes(handler_call_details.method):
            return handler
        return wrapped(handler, handler_call_details.method, self._unary, self._streaming)

    def _unary(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(request: Any, context: aio.ServicerContext[Any, Any]) -> Any:  # noqa: ANN401
            call = self._calls.start(method, context.invocation_metadata())
            with _finish_call(call, context), current(call, context):
                return await behaviour(request, context)

        return handle

    def _streaming(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        # A handler is an asynchronous generator, or a coroutine that writes to the context.
        if not inspect.isasyncgenfunction(behaviour):
            return self._unary(method, behaviour)

        async def handle(request: Any, context: aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:  # noqa: ANN401
            call = self._calls.start(method, context.invocation_metadata())
            responses = behaviour(request, context)
            with _finish_call(call, context):
                try:
                    while True:
                        # The span is current only while the handler runs: a generator that is closed early is closed
                        # in another context, where the token of this one could not be reset.
                        with current(call, context):
                            try:
                                response = await anext(responses)
                            except StopAsyncIteration:
                                return
                        yield response
                finally:
                    await responses.aclose()

        return handle


@contextmanager
def _finish_call(call: Call, context: aio.ServicerContext[Any, Any]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        code = context.code() or None
        if code is None:  # not from context.abort(): the handler failed and gRPC responds UNKNOWN
            call.failed(error)
        call.finish(code or grpc.StatusCode.UNKNOWN)
        raise
    except BaseException:  # cancelled or closed early: the client is gone or its deadline has passed
        call.finish(cancelled_status(context))
        raise
    else:
        call.finish(context.code())
