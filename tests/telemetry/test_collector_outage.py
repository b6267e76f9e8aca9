"""The real Collector goes away under load; requests do not notice, and data flows again by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local import toolchain
from tests.telemetry.outage import outage
from tests.telemetry.real_collector import RealCollector

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20
QUICK = {
    "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "OTEL_BSP_MAX_QUEUE_SIZE": "256",
}
"""So that five seconds show what takes a minute with a service's own settings."""


@pytest.fixture(scope="module")
def program() -> Path:
    return toolchain.ensure(("otelcol",)) / "otelcol"


@pytest.mark.parametrize("how", ["gone", "stalled"])
def test_no_request_fails_drops_are_counted_and_data_flows_again(program: Path, tmp_path: Path, how: str) -> None:
    with RealCollector(program, tmp_path) as collector:
        seen = outage(collector, how, rate=200, seconds=5, **QUICK)
    for phase in ("before", "during", "after"):
        assert seen[phase].failed == 0
        assert len(seen[phase].seconds) >= 900
    assert sum(seen["dropped"].values()) > 500, "of some 1,000 spans the queue saves 256: the others are counted"
    assert len(seen["spans after"]) > 500, "nobody restarted the service"
    before, during, after = seen["memory"]
    assert max(during, after) - before < 40 * MIB
    # Requests do not wait for exports, whose timeout is 2 s; the exact price is bench/collector_outage.py's to tell.
    assert seen["during"].percentile(0.99) < 1
