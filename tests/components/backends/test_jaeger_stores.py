"""Distributed stores of Jaeger: the real program accepts the configuration, and logs in from Secrets."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh import JaegerArgs, JaegerSettings, parse
from otel_mesh.backends.jaeger import jaeger_config, jaeger_manifests
from otel_mesh.k8s.manifests import to_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from tests.built import Built

SEARCH = {"servers": ["https://search-1.example.com:9200", "https://search-2.example.com:9200"]}
OWN_CA = {"ca": {"config_map": "authorities"}, "client_secret": "client"}
STORES: dict[str, dict[str, Any]] = {
    "opensearch": {"opensearch": SEARCH},
    "opensearch-in-the-cluster": {"opensearch": {"servers": ["http://opensearch.search.svc:9200"]}},
    "elasticsearch": {
        "elasticsearch": {
            **SEARCH,
            "login_secret": "search",
            "tls": OWN_CA,
            "index_prefix": "shop",
            "index_shards": 1,
            "index_replicas": 0,
        }
    },
    "cassandra": {"cassandra": {"servers": ["cassandra.db.svc:9042"]}},
    "cassandra-secured": {
        "cassandra": {
            "servers": ["cassandra-1.example.com:9042", "cassandra-2.example.com:9042"],
            "login_secret": "cassandra",
            "tls": OWN_CA,
            "keyspace": "traces",
            "datacenter": "eu-west",
            "replication_factor": 1,
            "retention": "2w",
        }
    },
    "cassandra-existing": {"cassandra": {"servers": ["cassandra.db.svc:9042"], "create_schema": False}},
}


def _settings(name: str, **fields: Any) -> JaegerSettings:  # noqa: ANN401 - of the model
    return parse(JaegerSettings, {**STORES[name], **fields})


@pytest.mark.parametrize("name", STORES)
def test_jaeger_accepts_the_configuration(built: Built, tmp_path: Path, name: str) -> None:
    config = tmp_path / "config.yaml"
    text = to_yaml(jaeger_config(_settings(name)))
    config.write_text(text)
    done = subprocess.run(
        [built("jaeger") / "jaeger", "validate", f"--config=file:{config}"],
        env=dict.fromkeys(re.findall(r"\$\{env:(\w+)\}", text), "value"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_jaeger_refuses_a_wrong_configuration(built: Built, tmp_path: Path) -> None:
    wrong = jaeger_config(_settings("opensearch"))
    wrong["extensions"]["jaeger_storage"]["backends"]["main"]["opensearch"]["server_url"] = []
    config = tmp_path / "config.yaml"
    config.write_text(to_yaml(wrong))
    done = subprocess.run(
        [built("jaeger") / "jaeger", "validate", f"--config=file:{config}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "server_url" in done.stderr


@pytest.mark.parametrize("name", STORES)
def test_what_the_configuration_reads_is_in_the_pod_and_no_secret_is_in_a_file(name: str) -> None:
    manifests = jaeger_manifests(JaegerArgs(namespace="ns"), _settings(name))
    (config_map,) = (one for one in manifests if one["kind"] == "ConfigMap")
    text = config_map["data"]["config.yaml"]
    (pods,) = (one for one in manifests if one["kind"] == "Deployment")
    (container,) = pods["spec"]["template"]["spec"]["containers"]
    taken = {one["name"] for one in container["env"] if "secretKeyRef" in one.get("valueFrom", {})}
    assert taken == set(re.findall(r"\$\{env:(\w+)\}", text))
    folders = {one["mountPath"] for one in container["volumeMounts"]}
    assert {file.rpartition("/")[0] for file in re.findall(r"/etc/jaeger-store/\S+", text)} <= folders
    assert not [one for one in manifests if one["kind"] == "Secret"]
    assert "/var/lib/jaeger" not in folders


def test_several_pods_share_a_distributed_store() -> None:
    manifests = jaeger_manifests(JaegerArgs(namespace="ns"), _settings("cassandra", replicas=3))
    (pods,) = (one for one in manifests if one["kind"] == "Deployment")
    assert pods["spec"]["replicas"] == 3
    assert pods["spec"]["strategy"]["type"] == "RollingUpdate"
    assert any(one["kind"] == "PodDisruptionBudget" for one in manifests)
