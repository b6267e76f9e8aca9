"""The objects of the Prometheus Operator: the same rules and the same targets as those of a `Prometheus`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from otel_mesh.backends.prometheus.proxies import PROXIES_JOB, proxies_job
from otel_mesh.backends.prometheus.rules import SUFFIX
from otel_mesh.core.labels import Label, Role, recommended
from otel_mesh.k8s.manifests import Manifest, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from otel_mesh.mesh.binding import ProxyScraping

_GROUP = "monitoring.coreos.com/v1"


def _object(
    kind: str, name: str, namespace: pulumi.Input[str], labels: Mapping[str, str], spec: Mapping[str, Any]
) -> Manifest:
    """An object of the operator with the labels that its Prometheus selects by."""
    own = {**recommended("prometheus-operator", name, Role.METRICS), **labels}
    return {
        "apiVersion": _GROUP,
        "kind": kind,
        "metadata": metadata(name, own, namespace=namespace),
        "spec": dict(spec),
    }


def service_monitor(
    job: str, target: str, namespace: pulumi.Input[str], labels: Mapping[str, str], interval: str
) -> Manifest:
    """The ServiceMonitor of one scrape target.

    Args:
        job: Value of the label ``job``.
        target: ``host:port`` of a Service of this library, whose name is the first part of the host.
        namespace: Namespace of the object.
        labels: Labels that the operator's Prometheus selects by.
        interval: Interval of scrapes.
    """
    host, _, port = target.rpartition(":")
    service, _, rest = host.partition(".")
    endpoint = {
        "targetPort": int(port),
        "interval": interval,
        "relabelings": [{"targetLabel": "job", "replacement": job}],
    }
    spec = {
        "namespaceSelector": {"matchNames": [rest.partition(".")[0]]},
        "selector": {"matchLabels": {Label.INSTANCE.value: service}},
        "endpoints": [endpoint],
    }
    return _object("ServiceMonitor", job, namespace, labels, spec)


def proxy_monitor(
    proxies: ProxyScraping, namespace: pulumi.Input[str], labels: Mapping[str, str], interval: str, sample_limit: int
) -> Manifest:
    """The PodMonitor of the mesh's proxies in all namespaces, made from the scrape job of a `Prometheus`.

    Args:
        proxies: Where and how to scrape.
        namespace: Namespace of the object.
        labels: Labels that the operator's Prometheus selects by.
        interval: Interval of scrapes.
        sample_limit: Number of series that one proxy may have.
    """
    job = proxies_job(proxies, sample_limit)
    rules = [_camel_case(one) for one in job["relabel_configs"]]
    endpoint = {
        # the operator itself keeps only this port
        "port": proxies.port_name,
        "path": job["metrics_path"],
        "interval": interval,
        "relabelings": [*rules, {"targetLabel": "job", "replacement": PROXIES_JOB}],
        "metricRelabelings": [_camel_case(one) for one in job["metric_relabel_configs"]],
    }
    spec = {
        "namespaceSelector": {"any": True},
        "selector": {"matchExpressions": [{"key": proxies.pod_label, "operator": "Exists"}]},
        "sampleLimit": sample_limit,
        "podMetricsEndpoints": [endpoint],
    }
    return _object("PodMonitor", PROXIES_JOB, namespace, labels, spec)


def prometheus_rule(file: str, text: str, namespace: pulumi.Input[str], labels: Mapping[str, str]) -> Manifest:
    """The PrometheusRule of one rule file.

    Args:
        file: Name of the file, such as ``slo.rules.yaml``.
        text: Content of the file.
        namespace: Namespace of the object.
        labels: Labels that the operator's Prometheus selects by.
    """
    name = file.removesuffix(SUFFIX).replace("_", "-").lower()
    return _object("PrometheusRule", name, namespace, labels, yaml.safe_load(text))


def _camel_case(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A relabelling rule with the operator's names of its fields."""
    return {re.sub(r"_([a-z])", lambda found: found[1].upper(), key): value for key, value in fields.items()}
