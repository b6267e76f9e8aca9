"""The real Collector goes away under load; requests do not notice, and data flows again by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.outage.run import dropped, phases
from tests.programs.collector import LoopbackCollector

if TYPE_CHECKING:
    from pathlib import Path

    from bench.outage.run import Phase, State
    from tests.built import Built


MIB = 2**20
SECONDS = 5
QUICK = {
    "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "OTEL_BSP_MAX_QUEUE_SIZE": "256",
}
"""So that five seconds show what takes a minute with a service's own settings."""
ENDS = 200
"""Spans around the moments at which the Collector goes and comes: nobody knows of them what became of them."""


@pytest.fixture(scope="module")
def program(built: Built) -> Path:
    return built("otelcol") / "otelcol"


@pytest.mark.parametrize("how", ["gone", "stalled"])
def test_no_request_fails_drops_are_counted_and_data_flows_again(program: Path, tmp_path: Path, how: State) -> None:
    with LoopbackCollector(program, tmp_path) as collector:
        measured = list(phases(collector, tmp_path, ("up", how, "up", "up"), measure=SECONDS, settle=2, settings=QUICK))
    before, during, *after = measured
    for phase in measured:
        assert phase.load.failed == phase.settling.failed == 0
        assert phase.load.seconds
    # Of some 1,400 spans, or of as many as a busy machine makes, the queue and an export in progress save 256 each.
    lost = sum(dropped(collector).values())
    assert lost > sent(during) - 2 * 256 - ENDS, "the others are counted"
    arrived = [span for span in collector.spans() if int(span["startTimeUnixNano"]) > after[0].began]
    assert len(arrived) > sum(map(sent, after)) / 4, "nobody restarted the service"
    assert max(phase.memory for phase in measured) - before.memory < 40 * MIB
    # Requests do not wait for exports, whose timeout is 2 s; the exact price is bench/collector_outage.py's to tell.
    assert during.load.percentile(0.75) < 1


def sent(phase: Phase) -> int:
    return len(phase.load.seconds) + len(phase.settling.seconds)
