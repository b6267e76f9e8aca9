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
    """``grpc.aio.server(interceptors=[AioServerInterceptor()])``; otherwise as the synchronous one.

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
            with _finishing(call, context), current(call, context):
                return await behaviour(request, context)

        return handle

    def _streaming(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        # A handler is an asynchronous generator, or a coroutine that writes to the context.
        if not inspect.isasyncgenfunction(behaviour):
            return self._unary(method, behaviour)

        async def handle(request: Any, context: aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:  # noqa: ANN401
            call = self._calls.start(method, context.invocation_metadata())
            responses = behaviour(request, context)
            with _finishing(call, context):
                try:
                    while True:
                        # Current only while the handler runs: a generator that is closed early is closed from
                        # elsewhere, where a context that it left behind could not be given back.
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
def _finishing(call: Call, context: aio.ServicerContext[Any, Any]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        code = context.code() or None
        if code is None:  # not by context.abort(): the handler failed, gRPC answers UNKNOWN
            call.failed(error)
        call.finish(code or grpc.StatusCode.UNKNOWN)
        raise
    except BaseException:  # cancelled, or closed before its end: the caller left, or its time is over
        call.finish(cancelled_status(context))
        raise
    else:
        call.finish(context.code())
