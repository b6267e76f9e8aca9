"""Gate: what a canary has to show before more requests go to it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from otel_mesh.core.values import Settings

PromDuration = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}[smhd]$")]
"""A duration as PromQL writes it, with one unit, such as ``10m``."""


class Gate(Settings):
    """Conditions for the next stage of a canary, measured by the services' own metrics.

    The canary is compared with the version beside it, at the same time and under the same load.

    Attributes:
        window: Time that is looked at, up to now.
        min_requests: Number of requests that the canary must have served in that time; fewer decide nothing.
        max_error_share_increase: Share of failed requests that the canary may have above the stable version's.
        latency_percentile: Percentile of the durations that are compared.
        max_latency_ratio: Duration at that percentile, relative to the stable version's.
    """

    window: PromDuration = "10m"
    min_requests: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    max_error_share_increase: Annotated[float, Field(ge=0, le=1)] = 0.01
    latency_percentile: Annotated[float, Field(ge=50, le=99.9)] = 95
    max_latency_ratio: Annotated[float, Field(ge=1, le=100)] = 1.5
