"""Outputs of a stack that tools read: where its telemetry can be queried and what its catalog declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh import DnsLabel, Port, Settings, TeamGrants

if TYPE_CHECKING:
    from otel_mesh import GrafanaSettings, JaegerSettings, PrometheusSettings, VictoriaLogsSettings
    from otel_mesh_stack.model import StackSettings

TELEMETRY: Final = "telemetry"
"""Output that is a `Telemetry`."""
CATALOG: Final = "catalog"
"""Output that is an `otel_mesh.Catalog`."""
TEAMS: Final = "teams"
"""Output that is an `otel_mesh.TeamGrants`."""


class ServicePort(Settings):
    """Port of a Kubernetes Service.

    Attributes:
        namespace: Namespace of the Service.
        name: Name of the Service.
        port: Port number of the Service.
    """

    namespace: DnsLabel
    name: DnsLabel
    port: Port


class Telemetry(Settings):
    """Where the telemetry of a stack can be queried. A part that the stack does not deploy is None.

    Attributes:
        jaeger: Query API of the trace store.
        prometheus: Query API of the metric store.
        logs: Query API of the log store.
        grafana: Web page of Grafana.
        gateway: Gateway of the mesh for requests from outside; its name is also the ``service.name`` of its spans.
    """

    jaeger: ServicePort | None = None
    prometheus: ServicePort | None = None
    logs: ServicePort | None = None
    grafana: ServicePort | None = None
    gateway: ServicePort | None = None


def telemetry(settings: StackSettings) -> Telemetry:
    """The query APIs of a stack with these settings."""
    namespace = settings.namespaces.observability
    mesh, grafana = settings.mesh, settings.grafana
    gateway = mesh.gateway.binding(mesh.gateway_namespace) if mesh.installed else None

    def api(of: JaegerSettings | PrometheusSettings | VictoriaLogsSettings | GrafanaSettings) -> ServicePort:
        return ServicePort(namespace=namespace, name=of.name, port=of.QUERY_PORT)

    return Telemetry(
        jaeger=api(settings.jaeger),
        prometheus=api(settings.prometheus),
        logs=api(settings.victoria_logs),
        grafana=grafana and api(grafana),
        gateway=gateway and ServicePort(namespace=gateway.namespace, name=gateway.service, port=gateway.http_port),
    )


def grants(settings: StackSettings) -> TeamGrants:
    """What a stack with these settings grants to teams."""
    return TeamGrants(
        environment=settings.environment,
        observability=settings.namespaces.observability,
        callers={name: own.callers for name, own in settings.services.items() if own.callers},
        routes=settings.mesh.team_routes if settings.mesh.installed else (),
    )
