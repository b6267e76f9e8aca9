"""Effect of an unreachable or stalled Collector on the latency of a service at 200 requests per second.

The Collector is up, gone, up, stalled and up again for OUTAGE_SECONDS each (default 60), repeated OUTAGE_ROUNDS times
(default 1), with one process of the service. The p99 of each kind of outage is divided by the p99 of all phases with
the Collector up. Noise is the ratio of the largest to the smallest p99 among those phases. The last line is
`ratio gone X stalled Y noise Z`.
`python -m bench.collector_outage`
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.outage.load import Load
from bench.outage.run import RATE, Phase, dropped, phases
from otel_mesh_embedded import toolchain
from tests.programs.collector import LoopbackCollector

if TYPE_CHECKING:
    from bench.outage.run import State

MIB = 2**20
SETTLE = 15.0
"""Seconds before each measurement: longer than the exporter timeout of 10 s, so earlier exports have finished."""

ROUND: tuple[State, ...] = ("gone", "up", "stalled", "up")


def p99(seen: list[Phase], *states: State) -> float:
    """The 99th percentile in milliseconds over all phases with these states."""
    together = Load()
    for phase in seen:
        if phase.state in states:
            together.add(phase.load)
    return together.percentile(0.99) * 1000


def main() -> None:
    """Runs the benchmark and prints the results."""
    seconds = float(os.environ.get("OUTAGE_SECONDS", "60"))
    states: tuple[State, ...] = ("up", *(ROUND * int(os.environ.get("OUTAGE_ROUNDS", "1"))))
    program = toolchain.folder(("otelcol",)) / "otelcol"
    seen: list[Phase] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        LoopbackCollector(program, Path(folder)) as collector,
    ):
        print(
            f"{RATE:g} requests a second, {seconds:g} s measured per phase after {SETTLE:g} s of settling", flush=True
        )
        for phase in phases(collector, Path(folder), states, measure=seconds, settle=SETTLE):
            seen.append(phase)
            print(
                f"{phase.state:8} requests {len(phase.load.seconds)}"
                f"  failed {phase.load.failed + phase.settling.failed}"
                f"  p50 {phase.load.percentile(0.5) * 1000:.2f} ms  p99 {phase.load.percentile(0.99) * 1000:.2f} ms"
                f"  cpu {phase.cpu / seconds:.3f}  memory {phase.memory / MIB:.0f} MiB",
                flush=True,
            )
        lost = dropped(collector)
        arrived = {int(span["startTimeUnixNano"]) for span in collector.spans()}
    after = sum(began > seen[-1].began for began in arrived)
    print(f"spans dropped: {lost['export']} by failed exports, {lost['queue']} because the queue was full")
    print(f"spans received after the last outage, without a restart: {after}")
    ups = [p99([phase], "up") for phase in seen if phase.state == "up"]
    up = p99(seen, "up")
    gone, stalled = p99(seen, "gone") / up, p99(seen, "stalled") / up
    print(f"ratio gone {gone:.2f} stalled {stalled:.2f} noise {max(ups) / min(ups):.2f}")


if __name__ == "__main__":
    main()
