"""Real losses, counted by real programs, pushed to a real Prometheus: every alert rule sees its own.

promtool shows the rules' thresholds and times (tests/components/backends/test_alert_rules.py); here it is that the
names and labels are those that arrive.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bench.outage.load import load
from bench.outage.run import RATE, service
from otel_mesh import Batching, OtelCollectorSettings, PrometheusSettings, ServiceGraph, TailSamplerSettings
from otel_mesh.backends.prometheus.component import prometheus_config
from otel_mesh.backends.prometheus.rules import rule_files
from otel_mesh.collector.config import collector_config
from otel_mesh.collector.tail_sampling import tail_sampling_config
from otel_mesh.k8s.manifests import to_yaml
from tests.app_images.telemetry.otlp_sending import send, span
from tests.app_images.telemetry.sampling_tiers import on_loopback
from tests.programs.prometheus import LoopbackPrometheus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.built import Built
    from tests.programs.collector import LoopbackCollector


BATCHING = Batching(size=100, timeout="200ms", queue_size=1000)
SAMPLING = TailSamplerSettings(
    decision_wait_seconds=2,
    num_traces=100,
    trace_bytes=10_000,
    metrics_interval_seconds=1,
    batching=BATCHING,
    service_graph=ServiceGraph(pending=100),
)
COLLECTING = OtelCollectorSettings(metrics_interval_seconds=1, batching=BATCHING)
QUICK = {"OTEL_EXPORTER_OTLP_TIMEOUT": "3", "OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_BSP_MAX_QUEUE_SIZE": "256"}
OF_THE_SERVICE = {("ServiceTelemetryNotDelivered", ""), ("ServiceTelemetryQueueFull", "")}
"""What a busy machine may see before its turn: exports take as long as they take."""


@pytest.fixture(scope="module")
def programs(built: Built) -> Path:
    return built("otelcol", "prometheus")


@pytest.fixture
def prometheus(programs: Path, tmp_path: Path) -> Iterator[LoopbackPrometheus]:
    config = prometheus_config(PrometheusSettings(), {})
    config["rule_files"] = [str(tmp_path / name) for name in rule_files()]
    config["global"]["evaluation_interval"] = "1s"
    for name, text in rule_files().items():
        (tmp_path / name).write_text(text)
    (tmp_path / "prometheus.yml").write_text(to_yaml(config))
    with LoopbackPrometheus(programs / "prometheus", tmp_path / "prometheus.yml", tmp_path) as running:
        yield running


@pytest.fixture
def refusing_store() -> Iterator[str]:
    """Speaks gRPC and knows no OTLP: what is sent to it fails for good."""
    server = grpc.server(ThreadPoolExecutor(2))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait(5)


def environment(prometheus: LoopbackPrometheus, name: str, **variables: str) -> dict[str, str]:
    own = {"POD_NAME": name, "POD_UID": name, "POD_NAMESPACE": "observability", "NODE_NAME": "node"}
    return {**own, "METRICS_ENDPOINT": prometheus.otlp_url, **variables}


def collector(
    programs: Path, folder: Path, prometheus: LoopbackPrometheus, sampler: LoopbackCollector | None
) -> LoopbackCollector:
    """One that knows the sampler, or one that looks for a name that nobody has."""
    config = collector_config(COLLECTING, sampled=True)
    if sampler is not None:
        static = {"static": {"hostnames": [f"127.0.0.1:{sampler.port}"]}}
        config["exporters"]["load_balancing/traces"]["resolver"] = static
    variables = environment(prometheus, folder.name, SAMPLER_HOST="otel-sampler.invalid")
    return on_loopback(programs / "otelcol", folder, config, variables)


class Alerts:
    """What fires, or waits for its time, and what did before: name and what it says of the loss."""

    def __init__(self, prometheus: LoopbackPrometheus) -> None:
        self._prometheus = prometheus
        self.seen: set[tuple[str, str]] = set()

    def look(self) -> None:
        for one in self._prometheus.ask("alerts")["alerts"]:
            self.seen.add((one["labels"]["alertname"], one["labels"].get("lost", "")))

    def until(self, *expected: tuple[str, str], seconds: float = 180) -> None:
        end = time.monotonic() + seconds
        while not set(expected) <= self.seen:
            assert time.monotonic() < end, f"not seen: {set(expected) - self.seen}"
            time.sleep(0.5)
            self.look()


def fill(collector: LoopbackCollector) -> None:
    for _ in range(100):
        send(collector.port, "shop", *(span(number, 1) for number in range(1, 301)))


def test_every_loss_is_seen_by_its_rule(
    programs: Path, tmp_path: Path, prometheus: LoopbackPrometheus, refusing_store: str
) -> None:
    variables = environment(prometheus, "sampler", TRACES_ENDPOINT=refusing_store)
    sampler = on_loopback(programs / "otelcol", tmp_path / "sampler", tail_sampling_config(SAMPLING), variables)
    first = collector(programs, tmp_path / "collector", prometheus, sampler)
    lost = collector(programs, tmp_path / "lost", prometheus, None)
    alerts = Alerts(prometheus)
    with contextlib.ExitStack() as stack:
        for one in (sampler, first, lost):
            stack.enter_context(one)
        running = stack.enter_context(service(first, tmp_path, QUICK))
        # a trace that is too large, more than the sampler may hold, and a store that refuses what is kept
        send(first.port, "shop", *(span(1, number) for number in range(1, 301)))
        send(first.port, "shop", span(2, 1, error=True))
        alerts.until(
            ("TracesDroppedTooLarge", ""), ("CollectorLosesTelemetry", "sending"), ("CollectorFindsNoSampler", "")
        )
        asyncio.run(load(running.port, RATE, 3))
        # calls whose servers say nothing, more than may wait for them
        send(first.port, "shop", *(span(number, 1, kind=Span.SPAN_KIND_CLIENT) for number in range(1000, 1300)))
        alerts.until(("TracesDroppedUndecided", ""), ("ServiceGraphIncomplete", ""))
        assert len(alerts.seen - OF_THE_SERVICE) == 5, "nothing else was lost yet"
        # the Collector stalls: the service's exports fail and its queue fills
        first.signal(signal.SIGSTOP)
        asyncio.run(load(running.port, RATE, 8))
        first.signal(signal.SIGCONT)
        alerts.until(*OF_THE_SERVICE)
        # the sampler stalls: what is not being sent just now fills the queue, until there is no room for more
        sampler.signal(signal.SIGSTOP)
        with pytest.raises(grpc.RpcError):
            fill(first)
        alerts.until(("CollectorQueueFills", ""), ("CollectorLosesTelemetry", "queue"), ("CollectorRefuses", ""))
        sampler.signal(signal.SIGCONT)
    groups = prometheus.ask("rules")["groups"]
    # the other files' rules are about services and proxies, not about lost telemetry
    mine = [group for group in groups if group["file"].endswith("/telemetry_loss.rules.yaml")]
    rules = {rule["name"] for group in mine for rule in group["rules"]}
    assert {name for name, _ in alerts.seen} == rules, "there is no rule that nothing was done for"
