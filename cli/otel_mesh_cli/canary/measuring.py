"""Requests, errors and latency of the versions of a service, from Prometheus."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_mesh import Gate
    from otel_mesh_cli.oncall.prometheus import Prometheus

_DURATIONS: Final = ("http_server_request_duration_seconds", "rpc_server_call_duration_seconds")
_FAILED: Final = ',error_type!=""'


@dataclass(frozen=True)
class Measured:
    """What a version of a service did in the gate's window."""

    requests: int
    """Number of requests served."""
    errors: int
    """Number of those that failed: server errors, not the caller's mistakes."""
    latency_s: float | None
    """Duration in seconds at the gate's percentile; None without requests."""

    @property
    def error_share(self) -> float:
        """Share of the requests that failed, from 0 to 1."""
        return self.errors / self.requests if self.requests else 0.0


def measure(prometheus: Prometheus, service: str, version: str, gate: Gate) -> Measured:
    """What a version of a service did in the gate's window.

    Args:
        prometheus: Metric store of the stack.
        service: ``service.name``.
        version: ``service.version`` of the version's telemetry.
        gate: Window and percentile.

    Raises:
        CommandError: Prometheus does not answer.
    """
    latency = _value(prometheus, latency_query(service, version, gate))
    return Measured(
        requests=round(_value(prometheus, requests_query(service, version, gate)) or 0),
        errors=round(_value(prometheus, errors_query(service, version, gate)) or 0),
        latency_s=latency,
    )


def requests_query(service: str, version: str, gate: Gate) -> str:
    """PromQL query of the requests that a version served in the gate's window; arguments as of `measure`."""
    return f"sum({_growth('_count', _selector(service, version), gate.window)})"


def errors_query(service: str, version: str, gate: Gate) -> str:
    """PromQL query of those that failed; arguments as of `measure`."""
    return f"sum({_growth('_count', _selector(service, version) + _FAILED, gate.window)})"


def latency_query(service: str, version: str, gate: Gate) -> str:
    """PromQL query of their duration in seconds at the gate's percentile; arguments as of `measure`."""
    buckets = _growth("_bucket", _selector(service, version), gate.window)
    return f"histogram_quantile({gate.latency_percentile / 100:g}, sum by (le) ({buckets}))"


def _selector(service: str, version: str) -> str:
    return f'service_name="{service}",service_version="{version}"'


def _growth(suffix: str, selector: str, window: str) -> str:
    """How much each counter grew within a window.

    ``increase`` needs two samples: it leaves out what a series begins with, such as the first errors of a new version.
    No counter is reset within a series here, for every process has an instance id of its own.
    """
    grown = []
    for metric in _DURATIONS:
        series = f"{metric}{suffix}{{{selector}}}"
        now = f"last_over_time({series}[{window}])"
        grown.append(f"({now} - {series} offset {window}) or {now}")
    return " or ".join(grown)


def _value(prometheus: Prometheus, query: str) -> float | None:
    """The value of a query; None if there is none, or it is not a number."""
    samples = prometheus.samples(query)
    return samples[0][1] if samples and not math.isnan(samples[0][1]) else None
