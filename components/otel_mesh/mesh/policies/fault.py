"""Fault injection: requests that the mesh delays or answers with an error."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - pydantic reads it at run time
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import Duration, ImageReference, Percentage, Settings
from otel_mesh.mesh.policies.matching import HeaderMatch, seconds

if TYPE_CHECKING:
    from typing import Self

_LONGEST_DELAY = 60


class Delay(Settings):
    """Requests that wait before they are sent on.

    Attributes:
        duration: Length of the wait, at most one minute.
        percentage: Share of the requests.
    """

    duration: Duration
    percentage: Percentage = 100

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not 0 < seconds(self.duration) <= _LONGEST_DELAY:
            reason = f"{self.duration} is not between 1ms and {_LONGEST_DELAY}s"
            raise InvalidSettingsError([Problem("duration", reason, "write a delay such as 5s")])
        return self


class Abort(Settings):
    """Requests that are answered with an error and never sent on.

    Attributes:
        status: HTTP status of the answer.
        percentage: Share of the requests.
    """

    status: Annotated[int, Field(ge=400, le=599)]
    percentage: Percentage = 100


class FaultInjection(Settings):
    """Faults that the callers of a service meet.

    The mesh sets the header ``x-fault-injected: true`` on every request for which a fault is configured: it means that
    the request may have met one.

    Attributes:
        delay: Requests that wait; None for none.
        abort: Requests that fail; None for none.
        header: Header of the requests that may meet a fault; None for all requests.
        backend_image: Image with Python 3 of the error backend, for meshes that have no faults of their own; None for
            Python's public image.
        expires: Last day of the experiment; afterwards every preview and update warns. Required in production.
    """

    delay: Delay | None = None
    abort: Abort | None = None
    header: HeaderMatch | None = None
    backend_image: ImageReference | None = None
    expires: date | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.delay is None and self.abort is None:
            raise InvalidSettingsError([Problem("", "injects nothing", "set delay, abort or both")])
        return self

    def is_expired(self, today: date) -> bool:
        """Whether the experiment should have ended.

        Args:
            today: Present day.
        """
        return self.expires is not None and today > self.expires
