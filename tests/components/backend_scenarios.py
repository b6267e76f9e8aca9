"""Components with backends outside the stack, for golden files: see `tests.components.scenarios`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh import (
    EgressHost,
    JaegerArgs,
    JaegerSettings,
    OtelCollectorArgs,
    OtelCollectorSettings,
    PrometheusArgs,
    PrometheusMonitorsArgs,
    PrometheusMonitorsSettings,
    PrometheusSettings,
    TailSamplerArgs,
    TailSamplerSettings,
    parse,
)
from otel_mesh.backends.jaeger import jaeger_manifests
from otel_mesh.backends.prometheus.component import prometheus_manifests
from otel_mesh.backends.prometheus.operator import monitor_manifests
from otel_mesh.collector.component import collector_manifests
from otel_mesh.collector.tail_sampler import tail_sampler_manifests
from otel_mesh.mesh.istio.telemetry_egress import service_entries

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.binding import MeshBinding

OUTSIDE: Final[dict[str, dict[str, Any]]] = {
    "jaeger": {
        "endpoint": "https://traces.example.com:4317",
        "signals": ["traces"],
        "headers": {"authorization": {"secret": "traces-login", "key": "header"}},
    },
    "prometheus": {
        "endpoint": "https://metrics.example.com/api/v1/otlp",
        "protocol": "http",
        "signals": ["metrics"],
        "tls": {"ca": {"config_map": "company-ca"}, "client_secret": "metrics-client"},
    },
    "victoria-logs": {
        "endpoint": "http://loki.logging.svc.cluster.local:3100/otlp",
        "protocol": "http",
        "signals": ["logs"],
        "headers": {"x-scope-orgid": {"secret": "loki-tenant", "key": "name"}},
        "compression": "snappy",
    },
}
SECOND: Final = {"vendor": {**OUTSIDE["jaeger"], "signals": ["traces", "metrics", "logs"]}}
QUEUE: Final = {"kind": "persistent", "size": "5Gi", "storage_class": "fast"}
EGRESS: Final = (
    EgressHost(host="traces.example.com", port=4317, protocol="TLS"),
    EgressHost(host="traces.example.com", port=4318, protocol="TLS"),
    EgressHost(host="10.1.2.3", port=4317, protocol="GRPC"),
)


def _collector(own: dict[str, str], values: dict[str, Any]) -> list[Manifest]:
    args = OtelCollectorArgs(namespace="observability", **own)  # type: ignore[arg-type]
    return collector_manifests(args, parse(OtelCollectorSettings, values))


def _jaeger(values: dict[str, Any]) -> list[Manifest]:
    return jaeger_manifests(JaegerArgs(namespace="observability"), parse(JaegerSettings, values))


def _monitors(mesh: MeshBinding) -> list[Manifest]:
    args = PrometheusMonitorsArgs(
        namespace="observability",
        targets={"jaeger": "jaeger.observability.svc.cluster.local:8888"},
        exposed=("shop/api-gateway",),
        mesh=mesh,
    )
    objects = monitor_manifests(args, PrometheusMonitorsSettings(labels={"release": "monitoring"}))
    # the rules have tests of their own; one file shows their form
    return [one for one in objects if one["kind"] != "PrometheusRule" or one["metadata"]["name"] == "objectives"]


def backend_scenarios(own: dict[str, str], mesh: MeshBinding) -> dict[str, Callable[[], list[Manifest]]]:
    """The scenarios by name.

    Args:
        own: Addresses of the stack's own backends, as arguments of a Collector.
        mesh: Mesh whose proxies are scraped.
    """
    return {
        "otel-collector-outside": lambda: _collector({}, {"exports": OUTSIDE}),
        "otel-collector-second-endpoint": lambda: _collector(own, {"exports": SECOND, "storage": QUEUE, "replicas": 3}),
        "otel-sampler-outside": lambda: tail_sampler_manifests(
            TailSamplerArgs(namespace="observability"), parse(TailSamplerSettings, {"exports": OUTSIDE})
        ),
        "jaeger-opensearch": lambda: _jaeger(
            {
                "replicas": 3,
                "opensearch": {
                    "servers": ["https://search.example.com:9200"],
                    "login_secret": "search-login",
                    "tls": {"ca": {"secret": "search-ca"}},
                },
            }
        ),
        "jaeger-cassandra": lambda: _jaeger(
            {
                "cassandra": {
                    "servers": ["cassandra.example.com:9042"],
                    "login_secret": "cassandra-login",
                    "tls": {"ca": {"config_map": "company-ca"}, "client_secret": "cassandra-client"},
                }
            }
        ),
        "prometheus-remote-write": lambda: prometheus_manifests(
            PrometheusArgs(namespace="observability"),
            parse(
                PrometheusSettings,
                {
                    "remote_write": {
                        "vendor": {
                            "endpoint": "https://mimir.example.com/api/v1/push",
                            "bearer_token": {"secret": "mimir-login", "key": "token"},
                            "headers": {"x-scope-orgid": {"secret": "mimir-tenant", "key": "name"}},
                            "tls": {"ca": {"config_map": "company-ca"}},
                        }
                    }
                },
            ),
        ),
        "prometheus-monitors": lambda: _monitors(mesh),
        "telemetry-egress": lambda: service_entries("observability", EGRESS),
    }
