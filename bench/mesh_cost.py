"""B9: cost of the mesh in the running environment: the same pods with and without a pair of sidecars, in one run.

Rounds of requests over one connection alternate between the mesh and no mesh. Then sampled requests go through the
gateway (FLOW_RATE per second, default 100, for FLOW_SECONDS, default 30), and each must become a complete trace. The
last line is `ratio p50 X p99 Y noise Z`; noise is the ratio of the largest to the smallest p50 without the mesh.
Run `python -m bench.mesh_cost` while the environment is running.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys

import psutil

from bench.mesh import flow
from bench.mesh.pods import MESHED, PLAIN, both, latencies
from tests.e2e.meshed_pods import proxy_processes

ROUNDS, COUNT, WARM_UP = 6, 1000, 200
MIB = 2**20


def percentile(values: list[float], share: float) -> float:
    """The quantile of the durations in milliseconds."""
    return sorted(values)[int(len(values) * share)] * 1000


def pair() -> str:
    """Latency with and without the mesh."""
    rounds: dict[str, list[list[float]]] = {PLAIN: [], MESHED: []}
    with both():
        for number in range(ROUNDS):
            # each side goes first equally often
            for namespace in (PLAIN, MESHED) if number % 2 else (MESHED, PLAIN):
                rounds[namespace].append(latencies(namespace, WARM_UP + COUNT)[WARM_UP:])
        memory = [psutil.Process(pid).memory_full_info() for pid in proxy_processes("server")]
    all_of = {namespace: [one for chunk in chunks for one in chunk] for namespace, chunks in rounds.items()}
    for namespace, values in all_of.items():
        print(
            f"{namespace:13} requests {len(values)}  p50 {percentile(values, 0.5):.3f} ms"
            f"  p99 {percentile(values, 0.99):.3f} ms",
            flush=True,
        )
    added = {share: percentile(all_of[MESHED], share) - percentile(all_of[PLAIN], share) for share in (0.5, 0.99)}
    print(f"added by the pair: p50 {added[0.5]:.3f} ms  p99 {added[0.99]:.3f} ms")
    print(
        f"a sidecar holds {sum(one.pss for one in memory) / MIB:.0f} MiB of its own share"
        f" ({sum(one.rss for one in memory) / MIB:.0f} MiB resident), its {len(memory)} processes together"
    )
    plain = [statistics.median(chunk) for chunk in rounds[PLAIN]]
    ratios = [percentile(all_of[MESHED], share) / percentile(all_of[PLAIN], share) for share in (0.5, 0.99)]
    return f"ratio p50 {ratios[0]:.2f} p99 {ratios[1]:.2f} noise {max(plain) / min(plain):.2f}"


def through_the_gateway() -> bool:
    """True if every request was answered and has a complete trace, and no span was lost."""
    rate = float(os.environ.get("FLOW_RATE", "100"))
    seconds = float(os.environ.get("FLOW_SECONDS", "30"))
    before = flow.dropped()
    sent = asyncio.run(flow.send(rate, seconds))
    print(
        f"through the gateway at {rate:g} a second for {seconds:g} s: answered {len(sent.whole)}  failed {sent.failed}"
        f"  p50 {percentile(sent.seconds, 0.5):.1f} ms  p99 {percentile(sent.seconds, 0.99):.1f} ms",
        flush=True,
    )
    left = flow.incomplete(sent.whole)
    lost = {who: number - before[who] for who, number in flow.dropped().items()}
    print(f"whole traces {len(sent.whole) - len(left)} of {len(sent.whole)}  spans dropped {lost}", flush=True)
    for trace_id, lacks in list(left.items())[:5]:
        print(f"  {trace_id}: {'; '.join(lacks)}")
    return not left and not sent.failed and not any(lost.values())


def main() -> int:
    """Runs the benchmark and prints the results; returns 1 if a request failed or a span was lost."""
    ratios = pair()
    whole = through_the_gateway()
    print(ratios)
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
