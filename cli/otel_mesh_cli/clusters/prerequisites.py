"""Secrets of the cluster that a stack expects before its first update."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh.k8s.passwords import PASSWORD_KEY

if TYPE_CHECKING:
    from otel_mesh_cli.clusters.kube import Kube
    from otel_mesh_stack.model import StackSettings


def require_secrets(settings: StackSettings, kube: Kube) -> None:
    """Refuse a cluster without the Secrets that the stack's settings name.

    Raises:
        CommandError: one is missing or incomplete; the remedy is the command that creates it.
    """
    namespaces, grafana = settings.namespaces, settings.grafana
    for namespace, secret, key in (
        *((namespaces.services, secret, PASSWORD_KEY) for secret in _postgres_secrets(settings)),
        (namespaces.services, settings.redis.existing_secret, PASSWORD_KEY),
        (namespaces.observability, grafana and grafana.existing_secret, PASSWORD_KEY),
    ):
        if secret:
            kube.require_secret(namespace, secret, key)
    mesh = settings.mesh
    if mesh.gateway_binding is not None and mesh.gateway.tls_secret and mesh.gateway_certificate is None:
        kube.require_certificate(mesh.gateway_namespace, mesh.gateway.tls_secret)


def _postgres_secrets(settings: StackSettings) -> tuple[str, ...]:
    """PostgreSQL's passwords: of the server's own role, of migrations and of the services."""
    own = settings.postgres
    names = own.secret_name, own.migrations_secret_name, own.services_secret_name
    return () if own.existing_secret is None else names
