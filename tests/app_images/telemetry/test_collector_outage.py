"""The real Collector goes away under load; requests do not notice, and data flows again by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.outage.run import dropped, phases
from tests.programs.collector import LoopbackCollector

if TYPE_CHECKING:
    from pathlib import Path

    from bench.outage.run import State
    from tests.built import Built


MIB = 2**20
SECONDS = 5
QUICK = {
    "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "OTEL_BSP_MAX_QUEUE_SIZE": "256",
}
"""So that five seconds show what takes a minute with a service's own settings."""


@pytest.fixture(scope="module")
def program(built: Built) -> Path:
    return built("otelcol") / "otelcol"


@pytest.mark.parametrize("how", ["gone", "stalled"])
def test_no_request_fails_drops_are_counted_and_data_flows_again(program: Path, tmp_path: Path, how: State) -> None:
    with LoopbackCollector(program, tmp_path) as collector:
        before, during, after = phases(
            collector, tmp_path, ("up", how, "up"), measure=SECONDS, settle=2, settings=QUICK
        )
    for phase in (before, during, after):
        assert phase.load.failed == phase.settling.failed == 0
        assert len(phase.load.seconds) >= 900
    lost = sum(dropped(collector).values())
    assert lost > 500, "of some 1,400 spans the queue saves 256: the others are counted"
    arrived = [span for span in collector.spans() if int(span["startTimeUnixNano"]) > after.began]
    assert len(arrived) > 500, "nobody restarted the service"
    assert max(during.memory, after.memory) - before.memory < 40 * MIB
    # Requests do not wait for exports, whose timeout is 2 s; the exact price is bench/collector_outage.py's to tell.
    assert during.load.percentile(0.99) < 1
