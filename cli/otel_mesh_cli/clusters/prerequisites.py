"""Secrets of the cluster that a stack expects before its first update."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh import OutsidePostgres, OutsideRedis, OutsideStore
from otel_mesh.k8s.passwords import PASSWORD_KEY, USER_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh_cli.clusters.kube import Kube
    from otel_mesh_stack.model import StackSettings


def require_secrets(settings: StackSettings, kube: Kube) -> None:
    """Refuse a cluster without the Secrets that the stack's settings name.

    Raises:
        CommandError: one is missing or incomplete; the remedy is the command that creates it.
    """
    namespaces, grafana = settings.namespaces, settings.grafana
    for namespace, secret, key in (
        *((namespaces.services, *one) for one in _store_secrets(settings)),
        (namespaces.observability, grafana and grafana.existing_secret, PASSWORD_KEY),
    ):
        if secret:
            kube.require_secret(namespace, secret, key)
    mesh = settings.mesh
    if mesh.installed and mesh.gateway.tls_secret and mesh.gateway_certificate is None:
        kube.require_certificate(mesh.gateway_namespace, mesh.gateway.tls_secret)


def _store_secrets(settings: StackSettings) -> Iterator[tuple[str | None, str]]:
    """Secrets and keys of the stores' logins: passwords of the stack's own, users and passwords of others."""
    database, cache = settings.postgres, settings.redis
    if isinstance(database, OutsidePostgres):
        yield from _login(database.services_secret)
        yield from _login(database.migrations_secret)
    elif database.existing_secret is not None:
        for name in (database.secret_name, database.migrations_secret_name, database.services_secret_name):
            yield name, PASSWORD_KEY
    if isinstance(cache, OutsideRedis):
        yield from _login(cache.login_secret)
    else:
        yield cache.existing_secret, PASSWORD_KEY
    for store in (database, cache):
        if isinstance(store, OutsideStore):
            ca = store.tls.ca
            yield (ca.secret, ca.key) if ca is not None else (None, PASSWORD_KEY)


def _login(secret: str | None) -> Iterator[tuple[str | None, str]]:
    for key in (USER_KEY, PASSWORD_KEY):
        yield secret, key
