"""Outputs of a stack that tools read: where its telemetry can be queried and what its catalog declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from pydantic import BeforeValidator

from otel_mesh import AlertmanagerSettings, DnsLabel, HttpUrl, OutsideBackend, OwnOr, Port, Settings, TeamGrants

if TYPE_CHECKING:
    from otel_mesh import GrafanaSettings, JaegerSettings, PrometheusSettings, VictoriaLogsSettings
    from otel_mesh_stack.model import StackSettings

TELEMETRY: Final = "telemetry"
"""Output that is a `Telemetry`."""
CATALOG: Final = "catalog"
"""Output that is an `otel_mesh.Catalog`."""
CANARIES: Final = "canaries"
"""Output with the weight of each canary, in percent by service."""
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


class OutsideApi(Settings):
    """Query API of a backend outside the stack.

    Attributes:
        url: Base URL of the API; None if the stack's settings do not name it.
    """

    url: HttpUrl | None = None


Api: TypeAlias = Annotated[
    ServicePort | OutsideApi, BeforeValidator(OwnOr(ServicePort, OutsideApi, "backend", marker="url"))
]
"""Where a query API is."""


class Telemetry(Settings):
    """Where the telemetry of a stack can be queried. A part that the stack does not deploy is None.

    Attributes:
        jaeger: Query API of the trace store.
        prometheus: Query API of the metric store.
        logs: Query API of the log store.
        alertmanager: API of the Alertmanager.
        grafana: Web page of Grafana.
        gateway: Gateway of the mesh for requests from outside; its name is also the ``service.name`` of its spans.
    """

    jaeger: Api | None = None
    prometheus: Api | None = None
    logs: Api | None = None
    alertmanager: Api | None = None
    grafana: ServicePort | None = None
    gateway: ServicePort | None = None


def canaries(settings: StackSettings) -> dict[str, int]:
    """The weights of the canaries of a stack with these settings."""
    policies = {name: one.traffic for name, one in settings.services.items() if one.traffic is not None}
    return {name: one.canary.weight for name, one in policies.items() if one.canary is not None}


def telemetry(settings: StackSettings) -> Telemetry:
    """The query APIs of a stack with these settings."""
    namespace = settings.namespaces.observability
    mesh, grafana = settings.mesh, settings.grafana
    gateway = mesh.gateway_binding

    def query(of: JaegerSettings | PrometheusSettings | VictoriaLogsSettings | OutsideBackend) -> Api:
        return OutsideApi(url=of.query_url) if isinstance(of, OutsideBackend) else api(of)

    def api(
        of: JaegerSettings | PrometheusSettings | VictoriaLogsSettings | GrafanaSettings | AlertmanagerSettings,
    ) -> ServicePort:
        return ServicePort(namespace=namespace, name=of.name, port=of.QUERY_PORT)

    alerts: Api | None = None
    if settings.alertmanager is not None:
        own = settings.alertmanager
        alerts = api(own) if isinstance(own, AlertmanagerSettings) else OutsideApi(url=own.url)
    return Telemetry(
        jaeger=query(settings.jaeger),
        prometheus=query(settings.prometheus),
        logs=query(settings.victoria_logs),
        alertmanager=alerts,
        grafana=grafana and api(grafana),
        gateway=gateway and ServicePort(namespace=gateway.namespace, name=gateway.service, port=gateway.http_port),
    )


def grants(settings: StackSettings) -> TeamGrants:
    """What a stack with these settings grants to teams."""
    return TeamGrants(
        environment=settings.environment,
        observability=settings.namespaces.observability,
        callers={
            name: tuple(one.identity for one in own.callers) for name, own in settings.services.items() if own.callers
        },
        routes=settings.mesh.team_routes if settings.mesh.installed else (),
    )
