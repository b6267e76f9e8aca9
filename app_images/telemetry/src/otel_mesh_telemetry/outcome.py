"""How a call to another process ended, judged alike for all kinds of calls.

A call that was cancelled has failed, as ``CancelledError``: whether its caller left or a timeout around it ran out,
which asyncio turns into the same cancellation, nobody can tell from inside, and a dependency that times out must be
seen. gRPC's conventions say the same of CANCELLED. One whose deadline was over failed as ``DeadlineExceededError``.
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
    """Tell a call's span and measurement what it ended with.

    Args:
        exception: that it raised.
        span: of the call.
        measured: attributes of its duration.
        code: what the other side calls the failure, where it said anything.
    """
    if code:
        span.set_attribute("db.response.status_code", code)
    name = "DeadlineExceededError" if isinstance(exception, DeadlineExceededError) else type(exception).__qualname__
    measured["error.type"] = code or name
    span.set_attribute("error.type", measured["error.type"])
    span.set_status(Status(StatusCode.ERROR))
