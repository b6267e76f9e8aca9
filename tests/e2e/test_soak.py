"""B7, S2.3: under minutes of constant load every request is one complete trace, and none fails.

OTEL_MESH_SOAK_SECONDS sets the duration (default 600), OTEL_MESH_SOAK_RATE the requests per second (default 50, which
two cores of some 2.5 GHz can bear).
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.oncall import traces
from otel_mesh_cli.smoke import measured, request
from otel_mesh_cli.stacks import local_stack
from otel_mesh_cli.stacks.addresses import JAEGER
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from subprocess import CompletedProcess

    import httpx

    from otel_mesh_cli.oncall.traces import Span

pytestmark = [pytest.mark.e2e, pytest.mark.full]

SECONDS = int(os.environ.get("OTEL_MESH_SOAK_SECONDS", "600"))
RATE = int(os.environ.get("OTEL_MESH_SOAK_RATE", "50"))
LOAD: dict[str, Any] = {
    "rate_per_second": RATE,
    "duration_seconds": SECONDS,
    "max_in_flight": 10 * RATE,
    "order_share": 0.1,
}
STORE = {"max_traces": 100 * RATE}
"""100 s of the load: each trace is read when it is some 20 s old."""
NAME = "load-generator"
WINDOW_US, SETTLING_US = 5_000_000, 20_000_000
PATIENCE_S = 180
UP = ("pulumi", "--", "up", "--yes", "--skip-preview", "--non-interactive", "--suppress-outputs")
METRIC = "load_requests_{}_total"


def path_of(root: Span) -> set[str]:
    """The services a request must reach: all declared by the catalog for an order, two for a user."""
    return {one.name for one in CATALOG.services} if root.name.startswith("POST") else set(request.SERVICES)


def lacks(spans: Sequence[Span]) -> list[str]:
    """Reasons why a trace is incomplete."""
    tops = traces.roots(spans)
    if [(one.service, one.kind, one.proxy) for one in tops] != [(NAME, "client", None)]:
        return [f"the parent of {one.service} {one.name}" for one in tops if one.service != NAME] or ["its root"]
    servers = {(one.service, one.proxy is not None) for one in spans if one.kind == "server"}
    wanted = {(service, False) for service in path_of(tops[0])}
    if gateway := local_stack.gateway():
        wanted |= {(service, True) for service in (*path_of(tops[0]), gateway)}
    return [f"a server span of {'the proxy of ' * is_proxy}{service}" for service, is_proxy in sorted(wanted - servers)]


@dataclass
class Reader:
    """Reads traces during the load, since the store keeps only the newest."""

    http: httpx.Client
    since_us: int
    whole: set[str] = field(default_factory=set)
    broken: dict[str, list[str]] = field(default_factory=dict)

    def catch_up(self) -> None:
        """Read every settled window, and incomplete traces again."""
        while self.since_us + WINDOW_US + SETTLING_US < time.time_ns() // 1000:
            # some overlap: a span belongs to the window in which it began, and its trace to both
            window = {"start": self.since_us - 100_000, "end": self.since_us + WINDOW_US, "limit": 20 * RATE}
            answer = self.http.get(f"{JAEGER.url}/api/traces", params={"service": NAME, **window}, timeout=60)
            answer.raise_for_status()
            for one in answer.json()["data"]:
                self._judge(one["traceID"], traces.parse(one))
            self.since_us += WINDOW_US
        for trace_id in list(self.broken):
            self._judge(trace_id, traces.fetch(self.http, JAEGER.url, trace_id))

    def _judge(self, trace_id: str, spans: Sequence[Span]) -> None:
        if trace_id in self.whole:
            return
        found = lacks(spans) if spans else ["every span"]
        if found:
            self.broken[trace_id] = found
        else:
            self.broken.pop(trace_id, None)
            self.whole.add(trace_id)


@pytest.fixture
def changed(run: Callable[..., CompletedProcess[str]]) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Bring the stack up with other settings, and restore it at the end."""

    def up(changes: dict[str, Any]) -> None:
        done = run(sys.executable, "-m", "tests.e2e.changed_stack", json.dumps(changes), *UP, timeout=900)
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        yield up
    finally:
        restored = run(sys.executable, "-m", "otel_mesh_cli", "up", timeout=900)
        assert restored.returncode == 0, restored.stdout + restored.stderr


def test_b7_every_request_of_a_long_load_is_one_whole_trace(
    http: httpx.Client, kubectl: Callable[..., str], changed: Callable[[dict[str, Any]], None]
) -> None:
    changed({"jaeger": STORE})
    reader = Reader(http, time.time_ns() // 1000)
    began = time.monotonic()
    changed({"jaeger": STORE, "load_generator": LOAD})
    end = time.monotonic() + SECONDS + PATIENCE_S
    while time.monotonic() < end:
        reader.catch_up()
        status = json.loads(kubectl("-n", "shop", "get", "job", NAME, "-o", "json"))["status"]
        if any(
            one["status"] == "True" for one in status.get("conditions", ()) if one["type"] in {"Complete", "Failed"}
        ):
            break
        time.sleep(2)
    said = kubectl("-n", "shop", "logs", f"job/{NAME}", "-c", NAME)
    totals = re.search(r"load ended: sent=(\d+) ok=(\d+) failed=(\d+) skipped=(\d+)", said)
    assert totals, said[-2000:]
    sent, ok, failed, skipped = map(int, totals.groups())
    assert (sent, ok, failed, skipped) == (RATE * SECONDS, RATE * SECONDS, 0, 0), "see OTEL_MESH_SOAK_RATE if skipped"
    end = time.monotonic() + PATIENCE_S
    while len(reader.whole) < sent and time.monotonic() < end:
        reader.catch_up()
        time.sleep(2)
    assert Counter(text for found in reader.broken.values() for text in found) == {}
    assert len(reader.whole) == sent
    for name, expected in (("sent", sent), ("completed", ok)):
        window = f"{time.monotonic() - began:.0f}s"  # without traces of an earlier run
        series = f'max_over_time({METRIC.format(name)}{{service_name="{NAME}"}}[{window}])'
        assert measured.query(http, f"sum({series})") == expected, name
