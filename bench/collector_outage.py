"""What a Collector that is gone, or stalled, costs the requests of a service at 200 a second.

One process of the service sees the Collector up, gone, up, stalled and up again, OUTAGE_SECONDS each (60), as often
as OUTAGE_ROUNDS says (1). The p99 of an outage is set beside that of all phases with the Collector up; how far those
differ among themselves is the noise: the largest over the smallest. Closes with `ratio gone X stalled Y noise Z`.
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
"""Seconds: longer than the exporter's timeout of 10, after which a batch sent before has come to its end."""

ROUND: tuple[State, ...] = ("gone", "up", "stalled", "up")


def p99(seen: list[Phase], *states: State) -> float:
    """Milliseconds, over all phases of these states."""
    together = Load()
    for phase in seen:
        if phase.state in states:
            together.add(phase.load)
    return together.percentile(0.99) * 1000


def main() -> None:
    """Measure and print."""
    seconds = float(os.environ.get("OUTAGE_SECONDS", "60"))
    states: tuple[State, ...] = ("up", *(ROUND * int(os.environ.get("OUTAGE_ROUNDS", "1"))))
    program = toolchain.ensure(("otelcol",)) / "otelcol"
    seen: list[Phase] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        LoopbackCollector(program, Path(folder)) as collector,
    ):
        print(f"{RATE:g} requests a second, {seconds:g} s a phase and {SETTLE:g} s before it", flush=True)
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
    print(f"spans dropped: {lost['export']} by failed exports, {lost['queue']} by a full queue")
    print(f"spans that arrived after the last outage, without a restart: {after}")
    ups = [p99([phase], "up") for phase in seen if phase.state == "up"]
    up = p99(seen, "up")
    gone, stalled = p99(seen, "gone") / up, p99(seen, "stalled") / up
    print(f"ratio gone {gone:.2f} stalled {stalled:.2f} noise {max(ups) / min(ups):.2f}")


if __name__ == "__main__":
    main()
