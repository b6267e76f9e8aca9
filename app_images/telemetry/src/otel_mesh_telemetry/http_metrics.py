"""RED metrics of HTTP servers; names and bucket boundaries from the stable semantic conventions (1.23 and later)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter_provider

from otel_mesh_telemetry.instrumentation import meter_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.context import Context

DURATION_BOUNDARIES = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Histogram bucket boundaries in seconds, as recommended by the semantic conventions for HTTP."""

_MAX_SERIES = 2000  # cached attribute sets; beyond that, they are built per request

Key = tuple[str, str, str | None, int | None, str | None]
"""Method, scheme, route, status and error type."""

_shared: WeakKeyDictionary[MeterProvider, ServerMetrics] = WeakKeyDictionary()
_sharing = threading.Lock()


def server_metrics(meter_provider: MeterProvider | None = None) -> ServerMetrics:
    """The instruments of a meter provider; the global one by default.

    All middlewares of a process share them: if several callbacks reported the same attributes, the SDK would keep only
    one of the observations, and the active requests of the other middlewares would be missing.
    """
    provider = meter_provider or get_meter_provider()
    with _sharing:
        found = _shared.get(provider)
        if found is None:
            found = _shared[provider] = ServerMetrics(provider)
        return found


class ServerMetrics:
    """``http.server.request.duration`` and ``http.server.active_requests``; use :func:`server_metrics`.

    Args:
        meter_provider: Provider of the meter.
    """

    def __init__(self, meter_provider: MeterProvider) -> None:
        meter = meter_of(meter_provider, "otel_mesh_telemetry.asgi")
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
        self._active: dict[tuple[str, str], list[None]] = {}

    def active(self, method: str, scheme: str) -> list[None]:
        """A list whose length is the number of active requests: append at the start of a request, pop at its end.

        Applications may run in several event loops in different threads, for example with test clients. Both
        operations are atomic, so no lock is needed; only the metric's callback reads the length.
        """
        return self._active.get((method, scheme)) or self._active.setdefault((method, scheme), [])

    def record(self, seconds: float, key: Key, context: Context) -> None:
        """Record a duration; the span in ``context`` becomes its exemplar if it is sampled."""
        attributes = self._sets.get(key)
        if attributes is None:
            attributes = _attributes(key)
            if len(self._sets) < _MAX_SERIES:
                self._sets[key] = attributes
        self._duration.record(seconds, attributes, context)

    def _observe_active(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [
            Observation(len(active), {"http.request.method": method, "url.scheme": scheme})
            for (method, scheme), active in list(self._active.items())
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
