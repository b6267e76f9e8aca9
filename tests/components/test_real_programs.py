"""S2.1, B6: configurations are loaded by the real programs."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh import JaegerSettings, OtelCollectorSettings, PrometheusSettings, TailSamplerSettings
from otel_mesh.backends.jaeger import jaeger_config
from otel_mesh.backends.prometheus.component import prometheus_config
from otel_mesh.collector.config import collector_config
from otel_mesh.collector.tail_sampling import tail_sampling_config
from otel_mesh.core.errors import InvalidSettingsError, parse
from otel_mesh.k8s.manifests import to_yaml
from otel_mesh.mesh.istio.binding import PROXY_SCRAPING
from otel_mesh_cli.core import child_processes
from tests.components.scenarios import PERSISTENT
from tests.programs.collector import file_exporters
from tests.programs.command import output_of
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.built import Built

COLLECTOR_ENVIRONMENT = {
    "SAMPLER_HOST": "otel-sampler.observability.svc.cluster.local",
    "TRACES_ENDPOINT": "jaeger.observability.svc.cluster.local:4317",
    "METRICS_ENDPOINT": "http://prometheus.observability.svc.cluster.local:9090/api/v1/otlp",
    "LOGS_ENDPOINT": "http://loki.observability.svc.cluster.local:3100/otlp",
    "POD_NAME": "otel-collector-0",
    "POD_UID": "0b7a5c9e-0000-4000-8000-000000000000",
    "POD_NAMESPACE": "observability",
    "NODE_NAME": "node",
}
_START_SECONDS = 90
COMPONENTS = ("receivers", "processors", "exporters", "connectors", "extensions")


@pytest.fixture(scope="session")
def programs(built: Built) -> Path:
    return built("otelcol", "promtool", "jaeger")


def _validate_collector(programs: Path, config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [programs / "otelcol", "validate", f"--config=file:{config}"],
        env=COLLECTOR_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"replicas": 1, "batching": {"size": 1, "timeout": "100ms", "queue_size": 1000}},
        {"batching": {"size": 100_000, "queue_size": 10_000_000}, "memory_limit_percentage": 10},
    ],
    ids=["default", "small", "large"],
)
def test_the_collector_accepts_its_configuration(programs: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    config = tmp_path / "config.yaml"
    for logs in (True, False):
        made = collector_config(OtelCollectorSettings.model_validate(settings), logs=logs)
        config.write_text(to_yaml(made))
        done = _validate_collector(programs, config)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_queue_smaller_than_a_batch_is_refused_before_deployment() -> None:
    with pytest.raises(InvalidSettingsError, match="smaller than one batch"):
        parse(OtelCollectorSettings, {"batching": {"size": 1024, "queue_size": 1000}})


def test_the_collector_accepts_both_tiers_of_sampling(programs: Path, tmp_path: Path) -> None:
    largest = {
        "decision_wait_seconds": 300,
        "num_traces": 10_000_000,
        "threshold_ms": 3_600_000,
        "sampling_percentage": 100,
    }
    for config in (
        collector_config(OtelCollectorSettings(), sampled=True, logs=True),
        collector_config(OtelCollectorSettings(), logs=True, proxy_spans="envoy"),
        collector_config(OtelCollectorSettings(), logs=True, proxy_spans="linkerd"),
        collector_config(OtelCollectorSettings(), logs=True, proxy_spans="envoy+linkerd"),
        tail_sampling_config(TailSamplerSettings()),
        tail_sampling_config(TailSamplerSettings(), proxy_spans="envoy"),
        tail_sampling_config(TailSamplerSettings.model_validate(largest)),
        tail_sampling_config(TailSamplerSettings(sampling_percentage=0, decision_wait_seconds=1, num_traces=100)),
    ):
        path = tmp_path / "config.yaml"
        path.write_text(to_yaml(config))
        done = _validate_collector(programs, path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_collector_contains_only_components_our_configurations_use(programs: Path, tmp_path: Path) -> None:
    used: dict[str, set[str]] = {"exporters": {next(iter(file_exporters(tmp_path))).partition("/")[0]}}
    settings, sampler = OtelCollectorSettings(), TailSamplerSettings()
    for config in (
        *(collector_config(settings, sampled=one, logs=two) for one in (True, False) for two in (True, False)),
        collector_config(settings, logs=True, proxy_spans="envoy"),
        collector_config(OtelCollectorSettings(storage=PERSISTENT)),
        tail_sampling_config(sampler, proxy_spans="envoy"),
    ):
        for kind in COMPONENTS:
            used.setdefault(kind, set()).update(name.partition("/")[0] for name in config.get(kind) or ())
    done = subprocess.run([programs / "otelcol", "components"], capture_output=True, text=True, timeout=60, check=True)
    told = yaml.safe_load(done.stdout)
    assert {kind: {one["name"] for one in told.get(kind) or ()} for kind in COMPONENTS} == used


def test_the_collector_refuses_a_wrong_configuration(programs: Path, tmp_path: Path) -> None:
    wrong = collector_config(OtelCollectorSettings())
    wrong["processors"]["memory_limiter"]["limit_percent"] = 75
    config = tmp_path / "config.yaml"
    config.write_text(to_yaml(wrong))
    done = _validate_collector(programs, config)
    assert done.returncode != 0
    assert "limit_percent" in done.stderr


def test_the_memory_limiter_is_the_first_processor() -> None:
    pipelines = _receiving(collector_config(OtelCollectorSettings()))
    assert set(pipelines) == {"traces", "metrics", "logs"}
    for pipeline in pipelines.values():
        assert pipeline["processors"] == ["memory_limiter", "k8s_attributes", "resource/cluster"]
    (receiving,) = _receiving(tail_sampling_config(TailSamplerSettings())).values()
    assert receiving["processors"] == ["memory_limiter"]


def _receiving(config: dict[str, Any]) -> dict[str, Any]:
    """The pipelines that receive data from senders."""
    return {name: one for name, one in config["service"]["pipelines"].items() if one["receivers"] == ["otlp"]}


def test_metrics_and_logs_bypass_the_samplers() -> None:
    plain, sampled = (
        collector_config(OtelCollectorSettings(), sampled=sampled)["service"]["pipelines"] for sampled in (False, True)
    )
    assert sampled["traces"]["exporters"] == ["load_balancing/traces"]
    assert {name: sampled[name] for name in ("metrics", "logs")} == {name: plain[name] for name in ("metrics", "logs")}


@pytest.mark.parametrize(
    ("settings", "targets", "proxies"),
    [
        (PrometheusSettings(), {}, False),
        (PrometheusSettings(storage=PERSISTENT, external_labels={"cluster": "big"}), {"jaeger": "jaeger:8888"}, False),
        (PrometheusSettings(), {"jaeger": "jaeger:8888"}, True),
    ],
    ids=["default", "full", "meshed"],
)
def test_prometheus_accepts_its_configuration(
    programs: Path, tmp_path: Path, settings: PrometheusSettings, targets: dict[str, str], *, proxies: bool
) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_text(to_yaml(prometheus_config(settings, targets, PROXY_SCRAPING if proxies else None)))
    assert "is valid prometheus config file syntax" in output_of(programs / "promtool", "check", "config", config)


def _on_loopback(config: dict[str, Any], folder: Path) -> tuple[dict[str, Any], int, int]:
    """The configuration adapted to a test: loopback, free ports, a temporary folder."""
    ports = {port: free_port() for port in ("4317", "4318", "8888", "13133", "16686")}
    text = json.dumps(config).replace("/var/lib/jaeger", str(folder)).replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    for name, port in ports.items():
        text = text.replace(f"127.0.0.1:{name}", f"127.0.0.1:{port}").replace(f'"port": {name}', f'"port": {port}')
    changed: dict[str, Any] = json.loads(text)
    changed["extensions"]["jaeger_query"]["grpc"] = {"endpoint": f"127.0.0.1:{free_port()}"}
    return changed, ports["13133"], ports["16686"]


def _get(port: int, path: str) -> tuple[int, bytes]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.mark.parametrize("settings", [JaegerSettings(), JaegerSettings(storage=PERSISTENT)], ids=["memory", "badger"])
def test_jaeger_starts_with_its_configuration_and_answers(
    programs: Path, tmp_path: Path, settings: JaegerSettings
) -> None:
    config, health, query = _on_loopback(jaeger_config(settings), tmp_path / "data")
    path = tmp_path / "config.yaml"
    path.write_text(to_yaml(config))
    log = tmp_path / "jaeger.log"
    with log.open("wb") as output:
        jaeger = child_processes.start(
            [programs / "jaeger", f"--config=file:{path}"], stdout=output, stderr=output, env=os.environ, cwd=tmp_path
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        status = 0
        while status != http.client.OK:
            assert jaeger.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
            with contextlib.suppress(OSError):
                status, _ = _get(health, "/status")
        assert json.loads(_get(query, "/api/services")[1])["data"] in (None, [])
    finally:
        jaeger.terminate()
        assert jaeger.wait(60) == 0
    assert (tmp_path / "data" / "keys").exists() is settings.storage.persistent
