"""Where firing alerts go: the stack's own Alertmanager, or one outside by the same setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import BeforeValidator

from otel_mesh import (
    Alertmanager,
    AlertmanagerAddress,
    AlertmanagerArgs,
    AlertmanagerSettings,
    EgressHost,
    OutsideBackend,
    OwnOr,
    Problem,
    is_in_cluster,
    service_host,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pulumi

    from otel_mesh_stack.mesh import Mesh
    from otel_mesh_stack.model import StackSettings

AlertsBackend: TypeAlias = Annotated[
    AlertmanagerSettings | AlertmanagerAddress,
    BeforeValidator(OwnOr(AlertmanagerSettings, AlertmanagerAddress, "Alertmanager")),
]


def alertmanager(settings: StackSettings, namespace: pulumi.Output[str], mesh: Mesh) -> None:
    """Declares the stack's own Alertmanager, if it has one."""
    own = settings.alertmanager
    if isinstance(own, AlertmanagerSettings):
        args = AlertmanagerArgs(namespace=namespace, settings=own, mesh=mesh.binding)
        Alertmanager("alertmanager", args, mesh.opts)


def address(settings: StackSettings) -> AlertmanagerAddress | None:
    """The Alertmanager that the stack's own Prometheus sends alerts to."""
    own = settings.alertmanager
    if isinstance(own, AlertmanagerSettings):
        return AlertmanagerAddress(endpoint=own.peers_url(settings.namespaces.observability), every_address=True)
    return own


def scraped(settings: StackSettings, *, each_pod: bool) -> dict[str, str]:
    """Scrape targets of the stack's own Alertmanager: job to ``host:port``.

    Args:
        settings: Settings of the stack.
        each_pod: Whether every pod is a target, as plain scraping requires; otherwise the Service is.
    """
    own, namespace = settings.alertmanager, settings.namespaces.observability
    if not isinstance(own, AlertmanagerSettings):
        return {}
    if each_pod:
        return own.metrics_targets(namespace)
    return {own.name: f"{service_host(own.name, namespace)}:{own.QUERY_PORT}"}


def egress(settings: StackSettings) -> tuple[EgressHost, ...]:
    """The Alertmanager outside the cluster, if a Prometheus in the mesh sends to one."""
    outside, sender = settings.alertmanager, settings.prometheus
    if not isinstance(outside, AlertmanagerAddress) or is_in_cluster(outside.host):
        return ()
    if isinstance(sender, OutsideBackend) or not sender.meshed:
        return ()
    return (EgressHost(host=outside.host, port=outside.port, protocol="TLS" if outside.encrypted else "HTTP"),)


def problems(settings: StackSettings) -> Iterator[Problem]:
    """An address that nothing in the stack sends alerts to."""
    if isinstance(settings.alertmanager, AlertmanagerAddress) and isinstance(settings.prometheus, OutsideBackend):
        reason = "has no effect: the metrics backend is outside the stack, and evaluates the alerts itself"
        yield Problem("alertmanager.endpoint", reason, "remove it, and name the Alertmanager there")


def gaps(settings: StackSettings) -> list[str]:
    """What the stack misses without an Alertmanager, for a preview."""
    if settings.alertmanager is None and not isinstance(settings.prometheus, OutsideBackend):
        shown = "alertmanager: not set: firing alerts are shown by Prometheus and sent to nobody"
        return [f"{shown}. Set alertmanager.receivers, or alertmanager.endpoint, see docs/alerts.md"]
    return []
