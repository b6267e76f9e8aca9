"""B9: cost of the mesh in the running environment: the same pods without sidecars, with, and with enforced policies.

Rounds of requests over one connection alternate between the three, in one run. The policies are those of declared
calls with a route, as objects of the stack's mesh, and NetworkPolicies. Then sampled requests go through the gateway
(FLOW_RATE per second, default 100, for FLOW_SECONDS, default 30), and each must become a complete trace.

The last lines are `policies ratio p50 X p99 Y noise Z`, with policies to without, and `ratio p50 X p99 Y noise Z`, with
sidecars to without; noise is the ratio of the largest to the smallest p50 of the rounds without.
Run `python -m bench.mesh_cost` while the environment is running.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys

import psutil

from bench.mesh import flow
from bench.mesh.pods import GUARDED, MESHED, NAMESPACES, PLAIN, all_pods, control_plane_memory, latencies
from tests.e2e.meshed_pods import proxy_processes

ROUNDS, COUNT, WARM_UP = 6, 1000, 200
MIB = 2**20


def percentile(values: list[float], share: float) -> float:
    """The quantile of the durations in milliseconds."""
    return sorted(values)[int(len(values) * share)] * 1000


def pairs() -> list[str]:
    """Latency without the mesh, with it, and with it and enforced policies; returns the ratios."""
    rounds: dict[str, list[list[float]]] = {namespace: [] for namespace in NAMESPACES}
    with all_pods():
        for number in range(ROUNDS):
            # each goes first equally often
            first = number % len(NAMESPACES)
            for namespace in (*NAMESPACES[first:], *NAMESPACES[:first]):
                rounds[namespace].append(latencies(namespace, WARM_UP + COUNT)[WARM_UP:])
        memory = [psutil.Process(pid).memory_full_info() for pid in proxy_processes("server")]
    all_of = {namespace: [one for chunk in chunks for one in chunk] for namespace, chunks in rounds.items()}
    for namespace, values in all_of.items():
        print(
            f"{namespace:13} requests {len(values)}  p50 {percentile(values, 0.5):.3f} ms"
            f"  p99 {percentile(values, 0.99):.3f} ms",
            flush=True,
        )
    for what, more, less in (("the pair", MESHED, PLAIN), ("policies", GUARDED, MESHED)):
        added = [percentile(all_of[more], share) - percentile(all_of[less], share) for share in (0.5, 0.99)]
        print(f"added by {what}: p50 {added[0]:.3f} ms  p99 {added[1]:.3f} ms")
    sidecars = len(NAMESPACES) - 1
    print(
        f"a sidecar holds {sum(one.pss for one in memory) / MIB / sidecars:.0f} MiB of its own share"
        f" ({sum(one.rss for one in memory) / MIB / sidecars:.0f} MiB resident),"
        f" its {len(memory) // sidecars} processes together"
    )
    holds, pods = control_plane_memory()
    print(f"the control plane holds {holds / MIB:.0f} MiB in {pods} pods")
    return [
        f"policies ratio {_ratios(all_of, GUARDED, MESHED)} noise {_noise(rounds[MESHED])}",
        f"ratio {_ratios(all_of, MESHED, PLAIN)} noise {_noise(rounds[PLAIN])}",
    ]


def _ratios(all_of: dict[str, list[float]], more: str, less: str) -> str:
    ratios = [percentile(all_of[more], share) / percentile(all_of[less], share) for share in (0.5, 0.99)]
    return f"p50 {ratios[0]:.2f} p99 {ratios[1]:.2f}"


def _noise(rounds: list[list[float]]) -> str:
    """Ratio of the largest to the smallest p50 of rounds that ought to be alike."""
    medians = [statistics.median(chunk) for chunk in rounds]
    return f"{max(medians) / min(medians):.2f}"


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
    ratios = pairs()
    whole = through_the_gateway()
    print("\n".join(ratios))
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
