"""Resilience: how long callers of a service wait, what they repeat, and when they spare it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import Settings
from otel_mesh.mesh.policies.matching import PositiveDuration, seconds

if TYPE_CHECKING:
    from typing import Self

_HOUR: Final = 3600

Limit = Annotated[int, Field(ge=1, le=1_000_000)]


class RetryPolicy(Settings):
    """Repeated requests.

    Only GET, HEAD and requests with an ``Idempotency-Key`` are repeated after the service may have seen them. All
    others, and all gRPC calls, are repeated only if they surely did not reach it.

    Attributes:
        attempts: Number of retries after the first try.
        try_timeout: Timeout of each try; None for the request's timeout.
    """

    attempts: Annotated[int, Field(ge=0, le=10)] = 2
    try_timeout: PositiveDuration | None = None


class Connections(Settings):
    """Limits of each caller's proxy; what is above them fails at once.

    Attributes:
        max_connections: Number of connections to the service.
        max_pending_requests: Number of requests that wait for a connection.
        max_requests: Number of requests at a time.
        connect_timeout: Timeout for a connection.
    """

    max_connections: Limit = 100
    max_pending_requests: Limit = 50
    max_requests: Limit = 100
    connect_timeout: PositiveDuration | None = None


class OutlierDetection(Settings):
    """Pods that fail repeatedly and get no requests for a while.

    Attributes:
        consecutive_errors: Number of 5xx answers or failed connections in a row.
        interval: Time between two looks at the pods.
        ejection_time: Time without requests; each further ejection takes longer.
        max_ejection_percent: Share of the pods that may be ejected at a time.
    """

    consecutive_errors: Annotated[int, Field(ge=1, le=1000)] = 5
    interval: PositiveDuration = "30s"
    ejection_time: PositiveDuration = "30s"
    max_ejection_percent: Annotated[int, Field(ge=1, le=100)] = 50


class Resilience(Settings):
    """Timeouts, retries and limits of the calls to a service.

    Attributes:
        timeout: Timeout of a request, its retries included; None for none.
        retries: Repeated requests; None for the mesh's default.
        connections: Limits of each caller's proxy; None for none.
        outliers: Pods that get no requests for a while; None for none.
    """

    timeout: PositiveDuration | None = None
    retries: RetryPolicy | None = None
    connections: Connections | None = None
    outliers: OutlierDetection | None = None

    @model_validator(mode="after")
    def _tries_fit(self) -> Self:
        if self.timeout is not None and self.retries is not None and self.retries.try_timeout is not None:
            tries = self.retries.attempts + 1
            needed = tries * seconds(self.retries.try_timeout)
            if needed > seconds(self.timeout):
                reason = f"{tries} tries of {self.retries.try_timeout} do not fit into the timeout of {self.timeout}"
                raise InvalidSettingsError([Problem("retries.try_timeout", reason, "shorten it, or raise the timeout")])
        return self


class RateLimit(Settings):
    """Requests that each pod of a service accepts; the proxy answers the others with 429.

    Attributes:
        requests: Number of requests per interval.
        interval: Length of the interval, at most one hour.
        burst: Number of requests at once; None for ``requests``.
    """

    requests: Limit
    interval: PositiveDuration = "1s"
    burst: Limit | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        problems = []
        if not Decimal("0.05") <= seconds(self.interval) <= _HOUR:
            problems.append(Problem("interval", f"{self.interval} is not between 50ms and 1h", "write one such as 1s"))
        if self.burst is not None and self.burst < self.requests:
            problems.append(Problem("burst", f"{self.burst} is less than requests", "raise it, or leave it out"))
        if problems:
            raise InvalidSettingsError(problems)
        return self
