"""RED metrics of a server, named and bucketed as the HTTP semantic conventions say (stable, 1.23 and later)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter_provider

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.context import Context

DURATION_BOUNDARIES = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Seconds; the boundaries that the conventions advise for durations of HTTP requests."""

_MAX_SERIES = 2000  # attribute sets kept ready; beyond that they are made per request, series stay as they are

Key = tuple[str, str, str | None, int | None, str | None]
"""method, scheme, route, status, error type."""


class ServerMetrics:
    """``http.server.request.duration`` and ``http.server.active_requests``.

    Args:
        meter_provider: where instruments are made; the global one by default.
    """

    def __init__(self, meter_provider: MeterProvider | None = None) -> None:
        meter = (meter_provider or get_meter_provider()).get_meter("otel_mesh_telemetry.asgi")
        self._duration = meter.create_histogram(
            "http.server.request.duration",
            unit="s",
            description="Duration of HTTP server requests.",
            explicit_bucket_boundaries_advisory=DURATION_BOUNDARIES,
        )
        meter.create_observable_up_down_counter(
            "http.server.active_requests",
            callbacks=[self._observe_active],
            unit="{request}",
            description="Number of active HTTP server requests.",
        )
        self._sets: dict[Key, dict[str, str | int]] = {}
        self._active: dict[tuple[str, str], int] = {}
        # Applications may run in several event loops, each in its own thread (test clients do).
        self._lock = threading.Lock()

    def started(self, method: str, scheme: str) -> None:
        """Count a request in. Counted here and only read at collection: two dictionary accesses per request."""
        key = (method, scheme)
        with self._lock:
            self._active[key] = self._active.get(key, 0) + 1

    def finished(self, method: str, scheme: str) -> None:
        """Count a request out."""
        with self._lock:
            self._active[method, scheme] -= 1

    def record(self, seconds: float, key: Key, context: Context) -> None:
        """Add one duration; the span in ``context`` becomes its exemplar when it is sampled."""
        attributes = self._sets.get(key)
        if attributes is None:
            attributes = _attributes(key)
            if len(self._sets) < _MAX_SERIES:
                self._sets[key] = attributes
        self._duration.record(seconds, attributes, context)

    def _observe_active(self, _options: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            counts = list(self._active.items())
        return [
            Observation(count, {"http.request.method": method, "url.scheme": scheme})
            for (method, scheme), count in counts
        ]


def _attributes(key: Key) -> dict[str, str | int]:
    method, scheme, route, status, error_type = key
    attributes: dict[str, str | int] = {"http.request.method": method, "url.scheme": scheme}
    if route is not None:
        attributes["http.route"] = route
    if status is not None:
        attributes["http.response.status_code"] = status
    if error_type is not None:
        attributes["error.type"] = error_type
    return attributes
