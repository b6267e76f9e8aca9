"""Client interceptors for asyncio gRPC: one client span per call, of all four kinds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
from grpc import aio
from opentelemetry.context import get_current
from opentelemetry.trace import SpanKind

from otel_mesh_telemetry import deadline
from otel_mesh_telemetry.grpc_client import effective_timeout
from otel_mesh_telemetry.rpc import Recorder, injected, peer_attributes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from otel_mesh_telemetry.rpc import Call


def aio_client_interceptors(
    target: str,
    peer: str | None = None,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> list[aio.ClientInterceptor]:
    """Interceptors for a channel, one per kind of call; they behave like the synchronous interceptor.

    ``grpc.aio.insecure_channel(target, interceptors=aio_client_interceptors(target, "user-service"))``

    Args:
        target: Target of the channel.
        peer: Name of the called service in the catalog.
        tracer_provider: Provider of the tracers; the global one by default.
        meter_provider: Provider of the meters; the global one by default.
    """
    recorder = Recorder(SpanKind.CLIENT, tracer_provider, meter_provider, peer_attributes(target, peer))
    return [_UnaryUnary(recorder), _UnaryStream(recorder), _StreamUnary(recorder), _StreamStream(recorder)]


class _Base:
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._finishing: set[asyncio.Future[None]] = set()

    def _start(self, details: aio.ClientCallDetails) -> tuple[Call, aio.ClientCallDetails]:
        method = details.method.decode() if isinstance(details.method, bytes) else details.method
        call = self._recorder.start(method, get_current())
        timeout = effective_timeout(details.timeout)
        if timeout is not None and timeout <= 0:
            call.finish(grpc.StatusCode.DEADLINE_EXCEEDED)
            raise deadline.DeadlineExceededError(f"{method}: deadline exceeded before the call")
        metadata = aio.Metadata(*injected(details.metadata, call.context))
        return call, aio.ClientCallDetails(
            details.method, timeout, metadata, details.credentials, details.wait_for_ready
        )

    async def _unary(
        self,
        continuation: Callable[..., Awaitable[Any]],
        details: aio.ClientCallDetails,
        request: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        call, changed = self._start(details)
        outcome = None
        try:
            outcome = await continuation(changed, request)
            call.finish(await outcome.code())  # waits for the response without consuming it
        except BaseException:
            if outcome is not None:
                outcome.cancel()  # otherwise the server would go on working for a caller that has gone
            call.finish(grpc.StatusCode.CANCELLED)
            raise
        return outcome

    async def _streaming(
        self,
        continuation: Callable[..., Awaitable[Any]],
        details: aio.ClientCallDetails,
        request: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        call, changed = self._start(details)
        try:
            outcome = await continuation(changed, request)
        except BaseException:
            call.finish(grpc.StatusCode.CANCELLED)
            raise

        async def finish() -> None:
            call.finish(await outcome.code())

        def done(_outcome: object) -> None:
            # Called even if the stream is not read to its end. The status is known by now, but grpc.aio gives it to
            # coroutines only. The task is stored because the event loop holds only weak references to tasks.
            task = asyncio.ensure_future(finish())
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)

        outcome.add_done_callback(done)
        return outcome


class _UnaryUnary(_Base, aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:  # noqa: ANN401
        return await self._unary(continuation, client_call_details, request)


class _UnaryStream(_Base, aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:  # noqa: ANN401
        return await self._streaming(continuation, client_call_details, request)


class _StreamUnary(_Base, aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:  # noqa: ANN401
        return await self._unary(continuation, client_call_details, request_iterator)


class _StreamStream(_Base, aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:  # noqa: ANN401
        return await self._streaming(continuation, client_call_details, request_iterator)
