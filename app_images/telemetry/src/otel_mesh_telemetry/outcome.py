"""The outcome of failed calls to other processes, recorded uniformly for all kinds of calls.

A cancelled call is a failure with the type ``CancelledError``. asyncio reports a cancelled caller and an enclosing
timeout in the same way, and a dependency that times out must be visible; gRPC's conventions treat CANCELLED alike. A
call that exceeded the deadline has the type ``DeadlineExceededError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import Status, StatusCode

from otel_mesh_telemetry.deadline import DeadlineExceededError

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from opentelemetry.trace import Span


def note(
    exception: BaseException, span: Span, measured: MutableMapping[str, str | int], code: str | None = None
) -> None:
    """Record a call's failure on its span and in the attributes of its duration.

    Args:
        exception: Exception raised by the call.
        span: Span of the call.
        measured: Attributes of the recorded duration.
        code: Error code in the response; None without one.
    """
    if code:
        span.set_attribute("db.response.status_code", code)
    name = "DeadlineExceededError" if isinstance(exception, DeadlineExceededError) else type(exception).__qualname__
    measured["error.type"] = code or name
    span.set_attribute("error.type", measured["error.type"])
    span.set_status(Status(StatusCode.ERROR))
