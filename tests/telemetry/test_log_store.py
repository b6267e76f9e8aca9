"""S2.11: logs sent to a real Collector are found in a real Loki by trace id; both configured as they are deployed."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any, Self

import pytest

from local.loopback.loki import LoopbackLoki
from local.toolchain import owner
from otel_mesh import LokiSettings, OtelCollectorSettings
from otel_mesh.collector_config import collector_config
from otel_mesh.loki import INDEX_LABELS, loki_config
from otel_mesh.manifests import to_yaml
from tests.components.scenarios import PERSISTENT
from tests.telemetry.otlp_sending import record, send_records, trace_id
from tests.telemetry.sampling_tiers import on_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local.loopback.collector import LoopbackCollector
    from tests.built import Built


TRACE, OTHER = 7, 8
LARGEST = LokiSettings(storage=PERSISTENT, retention="52w", max_streams=1_000_000, megabytes_per_second=1000)


@pytest.fixture(scope="module")
def programs(built: Built) -> Path:
    return built("otelcol", "loki")


def collector(program: Path, folder: Path, loki: LoopbackLoki) -> LoopbackCollector:
    """A Collector that passes logs on to Loki, and nothing else on."""
    settings = OtelCollectorSettings.model_validate({"cluster_name": "test", "batching": {"timeout": "200ms"}})
    config = collector_config(settings, logs_kept=True)
    config["exporters"] = {name: one for name, one in config["exporters"].items() if name == "otlp_http/logs"}
    config["service"]["pipelines"] = {"logs": config["service"]["pipelines"]["logs"]}
    config["service"]["telemetry"] = {"metrics": {"level": "none"}}
    return on_loopback(program, folder, config, {"LOGS_ENDPOINT": loki.otlp_url})


class Chain:
    """A Collector in front of a Loki, both running."""

    def __init__(self, programs: Path, folder: Path, settings: LokiSettings, **changes: dict[str, Any]) -> None:
        config = loki_config(settings)
        for part, values in changes.items():
            config[part] = {**config[part], **values}
        self.loki = LoopbackLoki(programs / "loki", config, folder / "loki")
        self.collector = collector(programs / "otelcol", folder / "collector", self.loki)

    def __enter__(self) -> Self:
        self.loki.start()
        self.collector.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.collector.__exit__(*error)
        self.loki.__exit__(*error)

    def settled(self, done: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until the condition holds."""
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, f"{self.collector.log()}\n{self.loki.log()}"
            time.sleep(0.2)


@pytest.fixture
def chain(programs: Path, tmp_path: Path) -> Iterator[Chain]:
    with Chain(programs, tmp_path, LokiSettings()) as running:
        yield running


def resource(service: str, pod: str = "pod-1") -> dict[str, str]:
    return {
        "service.name": service,
        "service.namespace": "shop",
        "service.version": "1.2.3",
        "service.instance.id": f"{service}-{pod}",
        "deployment.environment.name": "test",
        "k8s.namespace.name": "shop",
        "k8s.pod.name": f"{service}-{pod}",
    }


def _verify(programs: Path, config: Path) -> subprocess.CompletedProcess[str]:
    command = [str(programs / "loki"), f"-config.file={config}", "-verify-config"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("settings", [LokiSettings(), LARGEST], ids=["default", "large"])
def test_loki_accepts_its_configuration(programs: Path, tmp_path: Path, settings: LokiSettings) -> None:
    config = tmp_path / "loki.yaml"
    config.write_text(to_yaml(loki_config(settings)))
    done = _verify(programs, config)
    assert done.returncode == 0, done.stderr
    assert "config is valid" in done.stderr


def test_loki_would_refuse_a_wrong_configuration(programs: Path, tmp_path: Path) -> None:
    wrong = loki_config(LokiSettings())
    wrong["limits_config"]["retention"] = "24h"
    config = tmp_path / "loki.yaml"
    config.write_text(to_yaml(wrong))
    done = _verify(programs, config)
    assert done.returncode != 0
    assert "field retention not found" in done.stderr


def test_s2_11_lines_of_all_services_are_found_by_their_trace(chain: Chain) -> None:
    for number, service in enumerate(("api-gateway", "user-service"), start=1):
        for pod in ("pod-1", "pod-2"):
            send_records(
                chain.collector.port,
                resource(service, pod),
                record(f"{service} {pod} asked", TRACE, number),
                record(f"{service} other", OTHER, number),
                record(f"{service} started"),
            )
    chain.settled(lambda: len(chain.loki.lines('{service_namespace="shop"}')) == 12)

    traced = f'| trace_id="{trace_id(TRACE).hex()}"'
    one = chain.loki.lines(f'{{service_name="user-service"}} {traced}')
    assert [line.text for line in one] == ["user-service pod-1 asked", "user-service pod-2 asked"]
    assert (
        one[0].labels.items()
        >= {
            "span_id": f"{2:016x}",
            "severity_text": "WARN",
            "detected_level": "warn",
            "http_route": "/users/{id}",
            "service_version": "1.2.3",
            "k8s_pod_name": "user-service-pod-1",
            "k8s_cluster_name": "test",
        }.items()
    )
    both = chain.loki.lines(f'{{service_namespace="shop"}} {traced}')
    assert {line.labels["service_name"] for line in both} == {"api-gateway", "user-service"}
    assert len(both) == 4

    # the index grows with services, not with pods
    assert set(chain.loki.data("labels")) == {name.replace(".", "_") for name in INDEX_LABELS}
    assert len(chain.loki.data("series", **{"match[]": '{service_namespace="shop"}'})) == 2


def test_neither_an_outage_nor_a_kill_of_loki_loses_a_line(chain: Chain) -> None:
    send_records(chain.collector.port, resource("api-gateway"), record("before", TRACE))
    chain.settled(lambda: len(chain.loki.lines('{service_name="api-gateway"}')) == 1)
    chain.loki.signal(signal.SIGKILL)
    send_records(chain.collector.port, resource("api-gateway"), record("meanwhile", TRACE))
    time.sleep(1)  # the first attempts fail
    chain.loki.start()
    chain.settled(lambda: len(chain.loki.lines('{service_name="api-gateway"}')) == 2)
    found = chain.loki.lines(f'{{service_name="api-gateway"}} | trace_id="{trace_id(TRACE).hex()}"')
    assert [line.text for line in found] == ["before", "meanwhile"]


def test_a_line_that_is_too_long_is_cut_and_kept(chain: Chain) -> None:
    send_records(chain.collector.port, resource("api-gateway"), record("x" * 300_000, TRACE), record("short", TRACE))
    chain.settled(lambda: len(chain.loki.lines('{service_name="api-gateway"}')) == 2)
    assert [len(line.text) for line in chain.loki.lines('{service_name="api-gateway"}')] == [256 * 1024, 5]


def test_labels_without_bounds_are_stopped_and_the_others_lines_still_come(programs: Path, tmp_path: Path) -> None:
    with Chain(programs, tmp_path, LokiSettings(max_streams=10)) as running:
        for number in range(10):
            send_records(running.collector.port, resource(f"service-{number}"), record("first"))
        running.settled(lambda: len(running.loki.lines('{service_namespace="shop"}')) == 10)
        send_records(running.collector.port, resource("one-too-many"), record("refused"))
        running.settled(lambda: "429" in running.collector.log())
        send_records(running.collector.port, resource("service-0"), record("second"))
        running.settled(lambda: len(running.loki.lines('{service_name="service-0"}')) == 2)
        assert running.loki.lines('{service_name="one-too-many"}') == []


def test_what_is_older_than_the_retention_is_deleted(programs: Path, tmp_path: Path) -> None:
    often = {"compaction_interval": "1s", "apply_retention_interval": "1s", "retention_delete_delay": "1s"}
    store = tmp_path / "loki" / "data" / "chunks" / "fake"

    def chunks() -> int:
        return sum(path.is_file() for path in store.rglob("*"))

    with Chain(programs, tmp_path, LokiSettings(retention="1d"), compactor=often) as running:
        loki = running.loki
        send_records(running.collector.port, resource("api-gateway"), record("old", age_seconds=2 * 86400))
        send_records(running.collector.port, resource("user-service"), record("new"))
        running.settled(lambda: loki.metric("loki_ingester_memory_streams") == 2)
        loki.flush()
        running.settled(lambda: chunks() == 2)
        loki.signal(signal.SIGTERM)  # it writes its index then
        loki.start()
        running.settled(lambda: loki.metric("loki_boltdb_shipper_retention_marker_count_total") == 1)
        loki.signal(signal.SIGTERM)  # it deletes what is listed every minute, and when it starts
        time.sleep(1)  # the delay
        loki.start()
        running.settled(lambda: chunks() == 1)
        assert [line.text for line in loki.lines('{service_name="user-service"}')] == ["new"]


def test_its_own_metrics_tell_its_version(chain: Chain) -> None:
    assert chain.loki.metric("loki_build_info", version=owner("loki").version.removeprefix("v")) == 1
