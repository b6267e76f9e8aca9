"""Remote write: promtool accepts every form, and every secret is a mounted file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from otel_mesh import PrometheusArgs, PrometheusSettings, parse
from otel_mesh.backends.prometheus.component import prometheus_config, prometheus_manifests
from otel_mesh.k8s.manifests import to_yaml
from tests.programs.command import output_of

if TYPE_CHECKING:
    from tests.built import Built

TOKEN = {"secret": "vendor", "key": "token"}
RECEIVERS: dict[str, dict[str, Any]] = {
    "plain": {"endpoint": "http://mimir.metrics.svc:8080/api/v1/push"},
    "token": {"endpoint": "https://mimir.example.com/api/v1/push", "bearer_token": TOKEN, "exemplars": False},
    "login": {
        "endpoint": "https://metrics.example.com/push",
        "basic_auth": "login",
        "headers": {"x-scope-orgid": {"secret": "tenant", "key": "name"}},
        "tls": {"ca": {"secret": "authorities"}, "client_secret": "client"},
    },
}
SETTINGS = parse(PrometheusSettings, {"remote_write": RECEIVERS})


def test_prometheus_accepts_every_receiver(built: Built, tmp_path: Path) -> None:
    text = to_yaml(prometheus_config(SETTINGS, {}))
    config = tmp_path / "prometheus.yml"
    config.write_text(text.replace("/etc/prometheus-remote-write", str(tmp_path)))
    for file in re.findall(r"/etc/prometheus-remote-write(/\S+)", text):
        place = Path(f"{tmp_path}{file}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("value")
    # without reading the certificates, which are not PEM here
    output_of(built("promtool") / "promtool", "check", "config", "--syntax-only", config)


def test_every_secret_is_a_file_that_is_mounted() -> None:
    manifests = prometheus_manifests(PrometheusArgs(namespace="ns"), SETTINGS)
    (config_map,) = (one for one in manifests if one["kind"] == "ConfigMap")
    text = config_map["data"]["prometheus.yml"]
    (pods,) = (one for one in manifests if one["kind"] == "Deployment")
    pod = pods["spec"]["template"]["spec"]
    mounts = {one["mountPath"]: one["name"] for one in pod["containers"][0]["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["volumes"]}
    files = re.findall(r"/etc/prometheus-remote-write/\S+", text)
    assert len(files) == 7
    for file in files:
        folder = file.rpartition("/")[0]
        assert "secret" in volumes[mounts[folder]]
    assert not [one for one in manifests if one["kind"] == "Secret"]


def test_the_receivers_are_those_of_the_settings() -> None:
    sections = {one["name"]: one for one in yaml.safe_load(to_yaml(prometheus_config(SETTINGS, {})))["remote_write"]}
    assert {name: one["url"] for name, one in sections.items()} == {
        name: one["endpoint"] for name, one in RECEIVERS.items()
    }
    assert [one["send_exemplars"] for one in sections.values()] == [True, False, True]
    assert "remote_write" not in prometheus_config(PrometheusSettings(), {})
