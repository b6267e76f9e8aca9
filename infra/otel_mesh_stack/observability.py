"""The backends of telemetry, and the Collectors that feed them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from otel_mesh import (
    Grafana,
    GrafanaArgs,
    Jaeger,
    JaegerArgs,
    JaegerSettings,
    OtelCollector,
    OtelCollectorArgs,
    OutsideBackend,
    Prometheus,
    PrometheusArgs,
    PrometheusMonitors,
    PrometheusMonitorsArgs,
    PrometheusSettings,
    SharedFiles,
    SharedFilesArgs,
    TailSampler,
    TailSamplerArgs,
    TeamGrants,
    VictoriaLogs,
    VictoriaLogsArgs,
    VictoriaLogsSettings,
)
from otel_mesh_stack import alerting
from otel_mesh_stack.backends import exports
from otel_mesh_stack.dashboards import dashboards
from otel_mesh_stack.gaps import gaps
from otel_mesh_stack.rules import rule_files
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from otel_mesh_stack.mesh import Mesh
    from otel_mesh_stack.model import StackSettings


def observability(
    settings: StackSettings, namespace: pulumi.Output[str], mesh: Mesh, teams: TeamGrants
) -> pulumi.Output[str]:
    """Declares the telemetry backends, Grafana and the Collectors; returns the URL of the OTLP receiver."""
    common: dict[str, Any] = {"namespace": namespace, "mesh": mesh.binding}
    for config_map in (teams.rules, teams.dashboards):
        SharedFiles(config_map, SharedFilesArgs(namespace=namespace, config_map=config_map), mesh.opts)
    traces = _traces(settings, common, mesh)
    logs = _logs(settings, common, mesh)
    alerting.alertmanager(settings, namespace, mesh)
    metrics = _metrics(settings, common, mesh, teams)
    for sentence in gaps(settings, [*_scraped(settings), *(["mesh-proxies"] if mesh.binding.proxy_scraping else [])]):
        pulumi.log.warn(sentence)
    if settings.grafana is not None:
        sources: dict[str, Any] = {
            "jaeger_url": traces.query_url if traces else _query_url(settings.jaeger),
            "logs_url": logs.url if logs else _query_url(settings.victoria_logs),
            "prometheus_url": metrics.url if metrics else _query_url(settings.prometheus),
        }
        grafana_args = GrafanaArgs(
            dashboards=dashboards(),
            shared_dashboards=teams.dashboards,
            settings=settings.grafana,
            **sources,
            **common,
        )
        Grafana("grafana", grafana_args, mesh.opts)
    own = {"cluster_name": settings.cluster.name, "exports": exports(settings)}
    own_traces: dict[str, Any] = {"traces_target": traces.otlp_target} if traces else {}
    own_metrics: dict[str, Any] = {"metrics_url": metrics.otlp_url} if metrics else {}
    if settings.tail_sampler is not None:
        sampler = settings.tail_sampler.model_copy(update=own)
        args = TailSamplerArgs(settings=sampler, **own_traces, **own_metrics, **common)
        own_traces = {"sampler_host": TailSampler("otel-sampler", args, mesh.opts).host_name}
    collector_args = OtelCollectorArgs(
        logs_url=logs.otlp_url if logs else None,
        settings=settings.collector.model_copy(update=own),
        **own_traces,
        **own_metrics,
        **common,
    )
    return OtelCollector("otel-collector", collector_args, mesh.opts).otlp_grpc_url


def _traces(settings: StackSettings, common: dict[str, Any], mesh: Mesh) -> Jaeger | None:
    if not isinstance(settings.jaeger, JaegerSettings):
        return None
    return Jaeger("jaeger", JaegerArgs(settings=settings.jaeger, **common), mesh.opts)


def _logs(settings: StackSettings, common: dict[str, Any], mesh: Mesh) -> VictoriaLogs | None:
    if not isinstance(settings.victoria_logs, VictoriaLogsSettings):
        return None
    return VictoriaLogs("victoria-logs", VictoriaLogsArgs(settings=settings.victoria_logs, **common), mesh.opts)


def _metrics(settings: StackSettings, common: dict[str, Any], mesh: Mesh, teams: TeamGrants) -> Prometheus | None:
    """The stack's own Prometheus; None if there is none, or an operator of the cluster runs it."""
    watched: dict[str, Any] = {
        "targets": _scraped(settings),
        "exposed": tuple(f"{CATALOG.name}/{service.name}" for service in CATALOG.services if service.exposed),
        "rules": rule_files(),
        **common,
    }
    if isinstance(settings.prometheus, PrometheusSettings):
        prometheus_args = PrometheusArgs(
            settings=settings.prometheus,
            alertmanager=alerting.address(settings),
            shared_rules=teams.rules,
            **watched,
        )
        return Prometheus("prometheus", prometheus_args, mesh.opts)
    if settings.prometheus.operator is not None:
        args = PrometheusMonitorsArgs(settings=settings.prometheus.operator, **watched)
        PrometheusMonitors("prometheus-monitors", args, mesh.opts)
    return None


def _query_url(backend: object) -> str | None:
    """The URL of an outside backend's query API, if it is known."""
    found = getattr(backend, "query_url", None)
    return None if found is None else str(found)


def _scraped(settings: StackSettings) -> dict[str, str]:
    """Targets that Prometheus scrapes: job to ``host:port``."""
    parts = {"jaeger": settings.jaeger, "victoria-logs": settings.victoria_logs, "grafana": settings.grafana}
    own = {job: part for job, part in parts.items() if part is not None and not isinstance(part, OutsideBackend)}
    targets = {job: part.metrics_target(settings.namespaces.observability) for job, part in own.items()}
    return targets | alerting.scraped(settings, each_pod=isinstance(settings.prometheus, PrometheusSettings))
