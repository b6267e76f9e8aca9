"""A log line per gRPC call, and the status INTERNAL for unhandled exceptions."""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any

import grpc
from grpc import aio
from opentelemetry.trace import get_current_span

from otel_mesh_telemetry.grpc_handlers import HEALTH, cancelled_status, wrapped
from otel_mesh_telemetry.rpc import SERVER_ERRORS, status_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_log = logging.getLogger("service_kit.calls")


class CallLog(aio.ServerInterceptor):
    """Logs exactly one line per unary-response call; streams and probes pass through unchanged.

    An unhandled exception becomes INTERNAL without the exception's message, which gRPC would send to the caller. The
    log line has the traceback, and the current span the exception.
    """

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap the method's handler."""
        handler = await continuation(handler_call_details)
        if handler_call_details.method.lstrip("/") in HEALTH:
            return handler
        return wrapped(handler, handler_call_details.method, _unary, lambda _method, behaviour: behaviour)


def _unary(method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
    async def handle(request: Any, context: aio.ServicerContext[Any, Any]) -> Any:  # noqa: ANN401 - messages of any type
        began = perf_counter()
        failure: Exception | None = None
        status = ""
        try:
            return await behaviour(request, context)
        except aio.AbortError:
            raise
        except asyncio.CancelledError:
            status = cancelled_status(context).name
            raise
        except Exception as error:  # noqa: BLE001 - any failure is logged and answered with INTERNAL
            failure = error
            get_current_span().record_exception(error)
            await context.abort(grpc.StatusCode.INTERNAL, "internal error; see the log of the service")
        finally:
            _line(method, status or status_name(context.code() or None), perf_counter() - began, failure)

    return handle


def _line(method: str, status: str, seconds: float, failure: Exception | None) -> None:
    level = logging.ERROR if failure else logging.WARNING if status in SERVER_ERRORS else logging.INFO
    _log.log(
        level,
        "call failed" if failure else "call",
        extra={
            "rpc.method": method.lstrip("/"),
            "rpc.response.status_code": status,
            "duration_ms": round(seconds * 1000, 3),
        },
        exc_info=failure,
    )
