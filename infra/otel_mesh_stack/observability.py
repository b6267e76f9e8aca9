"""The backends of telemetry, and the Collectors that feed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh import (
    Grafana,
    GrafanaArgs,
    Jaeger,
    JaegerArgs,
    OtelCollector,
    OtelCollectorArgs,
    Prometheus,
    PrometheusArgs,
    SharedFiles,
    SharedFilesArgs,
    TailSampler,
    TailSamplerArgs,
    TeamGrants,
    VictoriaLogs,
    VictoriaLogsArgs,
)
from otel_mesh_stack.dashboards import dashboards
from otel_mesh_stack.rules import rule_files
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    import pulumi

    from otel_mesh_stack.mesh import Mesh
    from otel_mesh_stack.model import StackSettings


def observability(
    settings: StackSettings, namespace: pulumi.Output[str], mesh: Mesh, teams: TeamGrants
) -> pulumi.Output[str]:
    """Declares the telemetry backends, Grafana and the Collectors; returns the URL of the OTLP receiver."""
    opts = mesh.opts
    for config_map in (teams.rules, teams.dashboards):
        SharedFiles(config_map, SharedFilesArgs(namespace=namespace, config_map=config_map), opts)
    jaeger = Jaeger("jaeger", JaegerArgs(namespace=namespace, settings=settings.jaeger, mesh=mesh.binding), opts)
    logs_args = VictoriaLogsArgs(namespace=namespace, settings=settings.victoria_logs, mesh=mesh.binding)
    logs = VictoriaLogs("victoria-logs", logs_args, opts)
    prometheus = Prometheus(
        "prometheus",
        PrometheusArgs(
            namespace=namespace,
            targets=_scraped(settings),
            exposed=tuple(f"{CATALOG.name}/{service.name}" for service in CATALOG.services if service.exposed),
            rules=rule_files(),
            shared_rules=teams.rules,
            settings=settings.prometheus,
            mesh=mesh.binding,
        ),
        opts,
    )
    if settings.grafana is not None:
        grafana_args = GrafanaArgs(
            namespace=namespace,
            prometheus_url=prometheus.url,
            jaeger_url=jaeger.query_url,
            logs_url=logs.url,
            dashboards=dashboards(),
            shared_dashboards=teams.dashboards,
            settings=settings.grafana,
            mesh=mesh.binding,
        )
        Grafana("grafana", grafana_args, opts)
    own = {"cluster_name": settings.cluster.name}
    traces: dict[str, pulumi.Output[str]] = {"traces_target": jaeger.otlp_target}
    if settings.tail_sampler is not None:
        args = TailSamplerArgs(
            namespace=namespace,
            traces_target=jaeger.otlp_target,
            metrics_url=prometheus.otlp_url,
            settings=settings.tail_sampler.model_copy(update=own),
            mesh=mesh.binding,
        )
        traces = {"sampler_host": TailSampler("otel-sampler", args, opts).host_name}
    collector = OtelCollector(
        "otel-collector",
        OtelCollectorArgs(
            namespace=namespace,
            metrics_url=prometheus.otlp_url,
            logs_url=logs.otlp_url,
            settings=settings.collector.model_copy(update=own),
            mesh=mesh.binding,
            **traces,
        ),
        opts,
    )
    return collector.otlp_grpc_url


def _scraped(settings: StackSettings) -> dict[str, str]:
    """Targets that Prometheus scrapes: job to ``host:port``."""
    namespace = settings.namespaces.observability
    targets = {
        "jaeger": settings.jaeger.metrics_target(namespace),
        "victoria-logs": settings.victoria_logs.metrics_target(namespace),
    }
    if settings.grafana is not None:
        targets["grafana"] = settings.grafana.metrics_target(namespace)
    return targets
