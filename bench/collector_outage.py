"""A Collector that is gone, and one that is stalled, for 60 s under 200 requests a second (OUTAGE_SECONDS changes it).

Prints failed requests, the p99 during the outage beside the p99 of the same run with the Collector up, memory,
spans dropped (as the service counts them) and spans that arrived afterwards. `python -m bench.collector_outage`
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from local import toolchain
from tests.telemetry.outage import outage
from tests.telemetry.real_collector import RealCollector

RATE = 200.0
MIB = 2**20


def main() -> None:
    """Measure and print."""
    seconds = float(os.environ.get("OUTAGE_SECONDS", "60"))
    program = toolchain.ensure(("otelcol",)) / "otelcol"
    for how in ("gone", "stalled"):
        with tempfile.TemporaryDirectory() as folder, RealCollector(program, Path(folder)) as collector:
            seen = outage(collector, how, RATE, seconds)
        up, away = (seen[phase].percentile(0.99) * 1000 for phase in ("before", "during"))
        before, during, after = (size / MIB for size in seen["memory"])
        failed = sum(seen[phase].failed for phase in ("before", "during", "after"))
        print(
            f"{how} {seconds:g} s: failed {failed}, p99 up {up:.2f} ms away {away:.2f} ms ratio {away / up:.2f}, "
            f"memory {before:.0f} -> {during:.0f} -> {after:.0f} MiB, dropped {seen['dropped']}, "
            f"spans after its return {len(seen['spans after'])}"
        )


if __name__ == "__main__":
    main()
