"""S2.1: endpoints outside: what the settings allow the real programs accept, and no secret is in a configuration."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh import (
    InvalidSettingsError,
    OtelCollectorArgs,
    OtelCollectorSettings,
    TailSamplerArgs,
    TailSamplerSettings,
    parse,
)
from otel_mesh.collector.component import collector_manifests
from otel_mesh.collector.config import collector_config
from otel_mesh.collector.tail_sampler import tail_sampler_manifests
from otel_mesh.collector.tail_sampling import tail_sampling_config
from otel_mesh.k8s.manifests import to_yaml
from tests.components.collector.exports import EVERY, QUEUE, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_mesh.k8s.manifests import Manifest
    from tests.built import Built

TRACES = "jaeger.observability.svc.cluster.local:4317"
METRICS_URL = "http://prometheus.observability.svc.cluster.local:9090/api/v1/otlp"
ALONE = {"vendor": {"endpoint": "https://otlp.example.com:4317", "headers": {"authorization": SECRET}}}


@pytest.fixture(scope="module")
def otelcol(built: Built) -> Path:
    return built("otelcol") / "otelcol"


def _validate(otelcol: Path, folder: Path, config: dict[str, Any]) -> None:
    """Validates a configuration with a value for each variable it refers to, and a folder for the queue."""
    queue = folder / "queue"
    queue.mkdir(exist_ok=True)
    text = to_yaml(config).replace("/var/lib/otel-collector", str(queue))
    variables = set(re.findall(r"\$\{env:(\w+)\}", text))
    path = folder / "config.yaml"
    path.write_text(text)
    done = subprocess.run(
        [otelcol, "validate", f"--config=file:{path}"],
        env={name: f"http://{name.lower().replace('_', '-')}.example.com:4317" for name in variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _configurations() -> Iterator[dict[str, Any]]:
    """Configurations of Collector and sampler: queue in memory and on disk, own backends there and replaced."""
    for exports, stored, own in product((EVERY, ALONE), (False, True), (False, True)):
        values = {"exports": exports, **({"storage": QUEUE} if stored else {})}
        collector = parse(OtelCollectorSettings, values)
        sampler = parse(TailSamplerSettings, values)
        for sampled in (False, True):
            yield collector_config(
                collector,
                sampled=sampled,
                traces=own,
                metrics=own,
                logs=own,
                proxy_spans="envoy" if own is sampled else "",
            )
        yield tail_sampling_config(sampler, proxy_spans="linkerd" if stored else "", own_traces=own, own_metrics=own)
    for stored in (False, True):
        yield collector_config(parse(OtelCollectorSettings, {"storage": QUEUE} if stored else {}), logs=stored)


def test_every_export_is_valid_for_the_collector(otelcol: Path, tmp_path: Path) -> None:
    assert len(EVERY) == 64
    for config in _configurations():
        _validate(otelcol, tmp_path, config)


def _documents(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [one for one in manifests if one["kind"] == kind]


def test_headers_are_read_from_secrets_by_the_pod_and_stand_nowhere_else() -> None:
    settings = parse(OtelCollectorSettings, {"exports": EVERY})
    manifests = collector_manifests(OtelCollectorArgs(namespace="ns"), settings)
    (pods,) = _documents(manifests, "Deployment")
    (container,) = pods["spec"]["template"]["spec"]["containers"]
    taken = {one["name"]: one["valueFrom"]["secretKeyRef"] for one in container["env"] if "secretKeyRef" in str(one)}
    (config_map,) = _documents(manifests, "ConfigMap")
    config = yaml.safe_load(config_map["data"]["config.yaml"])
    sent = [value for one in config["exporters"].values() for value in one.get("headers", {}).values()]
    readers = [one["periodic"]["exporter"]["otlp"] for one in config["service"]["telemetry"]["metrics"]["readers"]]
    sent += [header["value"] for one in readers for header in one.get("headers", [])]
    assert len(taken) == 64
    assert {f"${{env:{name}}}" for name in taken} == set(sent)
    assert {json.dumps(one) for one in taken.values()} == {
        json.dumps({"name": "vendor", "key": "token"}),
        json.dumps({"name": "tenant", "key": "name"}),
    }
    assert not _documents(manifests, "Secret")
    assert "vendor" not in re.sub(r"otlp\.vendor\.svc", "", config_map["data"]["config.yaml"])


def test_certificates_are_mounted_where_the_configuration_reads_them() -> None:
    settings = parse(OtelCollectorSettings, {"exports": EVERY})
    manifests = collector_manifests(OtelCollectorArgs(namespace="ns"), settings)
    (pods,) = _documents(manifests, "Deployment")
    pod = pods["spec"]["template"]["spec"]
    mounts = {one["mountPath"]: one["name"] for one in pod["containers"][0]["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["volumes"]}
    (config_map,) = _documents(manifests, "ConfigMap")
    files = re.findall(r"/etc/otel-collector-tls/\S+", config_map["data"]["config.yaml"])
    assert files
    for file in files:
        folder, _, name = file.rpartition("/")
        source = volumes[mounts[folder]]
        keys = {"tls.crt", "tls.key"} if "client" in folder else {item["key"] for item in _items(source)}
        assert name in keys


def _items(volume: dict[str, Any]) -> list[dict[str, str]]:
    return next(one["items"] for one in volume.values() if isinstance(one, dict))


def test_with_a_sampler_only_the_samplers_export_traces() -> None:
    values = {"exports": {**ALONE, "store": {"endpoint": "https://traces.example.com:4317", "signals": ["traces"]}}}
    collector = collector_config(parse(OtelCollectorSettings, values), sampled=True, logs=True)
    pipelines = collector["service"]["pipelines"]
    assert pipelines["traces"]["exporters"] == ["load_balancing/traces"]
    assert pipelines["metrics"]["exporters"] == ["otlp_http/metrics", "otlp_grpc/vendor"]
    assert pipelines["logs"]["exporters"] == ["otlp_http/logs", "otlp_grpc/vendor"]
    sampler = tail_sampling_config(parse(TailSamplerSettings, values))
    kept = sampler["service"]["pipelines"]["traces/sampled"]["exporters"]
    assert kept == ["otlp_grpc/traces", "otlp_grpc/vendor", "otlp_grpc/store"]


def test_logs_of_an_outside_backend_are_fitted_too() -> None:
    config = collector_config(parse(OtelCollectorSettings, {"exports": ALONE}))
    assert config["service"]["pipelines"]["logs"]["processors"][-1] == "transform/log_lines"
    assert "nop" not in config["exporters"]


def test_the_service_graph_and_the_collectors_own_metrics_go_to_every_metrics_backend() -> None:
    config = collector_config(parse(OtelCollectorSettings, {"exports": ALONE}))
    assert config["service"]["pipelines"]["metrics/service_graph"]["exporters"] == [
        "otlp_http/metrics",
        "otlp_grpc/vendor",
    ]
    readers = config["service"]["telemetry"]["metrics"]["readers"]
    assert [one["periodic"]["exporter"]["otlp"]["protocol"] for one in readers] == ["http/protobuf", "grpc"]


def test_a_queue_on_disk_makes_stateful_pods_with_a_claim_each() -> None:
    settings = parse(OtelCollectorSettings, {"replicas": 3, "storage": QUEUE})
    args = OtelCollectorArgs(namespace="ns", traces_target=TRACES, metrics_url=METRICS_URL)
    manifests = collector_manifests(args, settings)
    (pods,) = _documents(manifests, "StatefulSet")
    (template,) = pods["spec"]["volumeClaimTemplates"]
    assert (pods["spec"]["replicas"], template["spec"]["storageClassName"]) == (3, "fast")
    assert not _documents(manifests, "PersistentVolumeClaim")
    assert _documents(manifests, "PodDisruptionBudget")
    (config_map,) = _documents(manifests, "ConfigMap")
    config = yaml.safe_load(config_map["data"]["config.yaml"])
    folder = config["extensions"]["file_storage/queue"]["directory"]
    mounts = {
        one["name"]: one["mountPath"] for one in pods["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    }
    assert mounts[template["metadata"]["name"]] == folder
    for name, exporter in config["exporters"].items():
        if name != "nop":
            assert exporter["sending_queue"]["storage"] == "file_storage/queue"
            assert exporter["retry_on_failure"]["max_elapsed_time"] == 0


@pytest.mark.parametrize(
    ("args", "settings", "told"),
    [
        (
            {},
            {},
            [
                "traces_target: neither traces_target nor sampler_host is set; set one of the two, or export traces",
                "metrics_url: is not set, and no export has metrics; set it, or export metrics",
            ],
        ),
        (
            {"traces_target": TRACES, "sampler_host": "sampler", "metrics_url": METRICS_URL},
            {},
            ["traces_target: sampler_host is set too; set one of the two"],
        ),
        (
            {"metrics_url": METRICS_URL},
            {"exports": {"logs-only": {**ALONE["vendor"], "signals": ["logs"]}}},
            ["traces_target: neither traces_target nor sampler_host is set; set one of the two, or export traces"],
        ),
        (
            {"traces_target": TRACES, "metrics_url": METRICS_URL},
            {"traces_only": True},
            [
                (
                    "traces_only: drops metrics, but they have a destination; "
                    "remove it, or metrics_url and the exports of metrics"
                )
            ],
        ),
    ],
    ids=["nothing", "two", "another signal", "dropped metrics"],
)
def test_a_collector_whose_telemetry_has_no_destination_is_refused(
    args: dict[str, str], settings: dict[str, Any], told: list[str]
) -> None:
    with pytest.raises(InvalidSettingsError) as raised:
        collector_manifests(OtelCollectorArgs(namespace="ns", **args), parse(OtelCollectorSettings, settings))  # type: ignore[arg-type]
    assert [str(problem) for problem in raised.value.problems] == told


def test_a_sampler_without_a_backend_of_traces_is_refused() -> None:
    with pytest.raises(InvalidSettingsError) as raised:
        tail_sampler_manifests(TailSamplerArgs(namespace="ns"), TailSamplerSettings())
    assert [str(problem) for problem in raised.value.problems] == [
        (
            "traces_target: is not set, and no export has traces: there is nowhere to send what is kept; "
            "set it, or export traces"
        ),
        "metrics_url: is not set, and no export has metrics; set it, or export metrics",
    ]
