"""Objects of the Prometheus Operator: the rules and targets of our own Prometheus, valid by the operator's schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft7Validator

from otel_mesh import (
    MeshBinding,
    PrometheusArgs,
    PrometheusMonitorsArgs,
    PrometheusMonitorsSettings,
    PrometheusSettings,
)
from otel_mesh.backends.prometheus.component import prometheus_manifests
from otel_mesh.backends.prometheus.operator import monitor_manifests
from otel_mesh_stack import rules as platform
from tests.components.definitions import closed, schemas
from tests.components.scenarios import MESH

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest
    from tests.built import Built

TARGETS = {
    "jaeger": "jaeger.observability.svc.cluster.local:8888",
    "victoria-logs": "victoria-logs.observability.svc.cluster.local:9428",
}
ARGS: dict[str, Any] = {
    "namespace": "observability",
    "targets": TARGETS,
    "exposed": ("shop/api-gateway",),
    "rules": platform.rule_files(),
    "mesh": MESH,
}
LABELS = {"release": "monitoring"}
DEFINITIONS = {
    "ServiceMonitor": "servicemonitors.yaml",
    "PodMonitor": "podmonitors.yaml",
    "PrometheusRule": "prometheusrules.yaml",
}


@pytest.fixture(scope="module")
def objects() -> list[Manifest]:
    return monitor_manifests(PrometheusMonitorsArgs(**ARGS), PrometheusMonitorsSettings(labels=LABELS))


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    """The files of our own Prometheus with the same arguments."""
    manifests = prometheus_manifests(PrometheusArgs(**ARGS), PrometheusSettings())
    (config_map,) = (one for one in manifests if one["kind"] == "ConfigMap")
    return {name: yaml.safe_load(text) for name, text in config_map["data"].items()}


def of(kind: str, objects: list[Manifest]) -> list[Manifest]:
    return [one for one in objects if one["kind"] == kind]


def test_the_rules_are_those_of_our_prometheus(objects: list[Manifest], ours: dict[str, Any]) -> None:
    files = {name: content for name, content in ours.items() if name.endswith(".rules.yaml")}
    found = {one["metadata"]["name"]: one["spec"] for one in of("PrometheusRule", objects)}
    assert {"slo.rules.yaml", "orders.rules.yaml", "objectives.rules.yaml"} <= set(files)
    assert found == {name.removesuffix(".rules.yaml").replace("_", "-"): content for name, content in files.items()}


def test_the_targets_are_those_of_our_prometheus(objects: list[Manifest], ours: dict[str, Any]) -> None:
    jobs = {one["job_name"]: one for one in ours["prometheus.yml"]["scrape_configs"]}
    del jobs["prometheus"]  # itself: the operator's concern
    proxies = jobs.pop("mesh-proxies")
    static = {name: one["static_configs"][0]["targets"][0] for name, one in jobs.items()}
    found = {}
    for monitor in of("ServiceMonitor", objects):
        (endpoint,) = monitor["spec"]["endpoints"]
        (relabel,) = endpoint["relabelings"]
        (namespace,) = monitor["spec"]["namespaceSelector"]["matchNames"]
        service = monitor["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"]
        found[relabel["replacement"]] = f"{service}.{namespace}.svc.cluster.local:{endpoint['targetPort']}"
        assert relabel["targetLabel"] == "job"
    assert found == static
    (monitor,) = of("PodMonitor", objects)
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["path"] == proxies["metrics_path"]
    assert monitor["spec"]["sampleLimit"] == proxies["sample_limit"]
    *relabelings, job = endpoint["relabelings"]
    assert job == {"targetLabel": "job", "replacement": "mesh-proxies"}
    assert [_snake_case(one) for one in relabelings] == proxies["relabel_configs"]
    assert [_snake_case(one) for one in endpoint["metricRelabelings"]] == proxies["metric_relabel_configs"]
    (selector,) = proxies["kubernetes_sd_configs"][0]["selectors"]
    assert monitor["spec"]["selector"]["matchExpressions"] == [{"key": selector["label"], "operator": "Exists"}]


def _snake_case(fields: dict[str, Any]) -> dict[str, Any]:
    return {"".join(f"_{one.lower()}" if one.isupper() else one for one in key): value for key, value in fields.items()}


def test_every_object_has_the_labels_that_the_operator_selects(objects: list[Manifest]) -> None:
    assert all(one["metadata"]["labels"].items() >= LABELS.items() for one in objects)


def test_without_a_mesh_no_proxies_are_scraped() -> None:
    args = PrometheusMonitorsArgs(**{**ARGS, "mesh": MeshBinding(kind="none")})
    assert not of("PodMonitor", monitor_manifests(args, PrometheusMonitorsSettings()))


def test_the_objects_are_valid_by_the_operators_schemas(built: Built, objects: list[Manifest]) -> None:
    folder = built(*DEFINITIONS.values())
    known = schemas(folder / file for file in DEFINITIONS.values())
    for kind in DEFINITIONS:
        validator = Draft7Validator(closed(known["monitoring.coreos.com/v1", kind]))
        assert of(kind, objects)
        for one in of(kind, objects):
            assert [error.message for error in validator.iter_errors(one)] == []
