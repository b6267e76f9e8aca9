"""Secrets of the cluster that a stack expects before its first update."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh import AlertmanagerSettings, OutsidePostgres, OutsideRedis, OutsideStore
from otel_mesh.k8s.passwords import PASSWORD_KEY, USER_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh_cli.clusters.kube import Kube
    from otel_mesh_stack.model import StackSettings


def require_secrets(settings: StackSettings, kube: Kube) -> None:
    """Refuse a cluster without the Secrets that the stack's settings name.

    Names may be Outputs by their type; those of a stack file never are.

    Raises:
        CommandError: one is missing or incomplete; the remedy is the command that creates it.
    """
    namespaces, grafana = settings.namespaces, settings.grafana
    for secret in _generated(settings):
        kube.require_secret(namespaces.services, secret, PASSWORD_KEY)
    if grafana is not None and grafana.existing_secret is not None:
        kube.require_secret(namespaces.observability, str(grafana.existing_secret), PASSWORD_KEY)
    for secret, keys in _given(settings):
        kube.require_given(namespaces.services, secret, *keys)
    if isinstance(settings.alertmanager, AlertmanagerSettings):
        for receiver in settings.alertmanager.receivers.values():
            for one in receiver.secrets().values():
                kube.require_given(namespaces.observability, str(one.secret), one.key)
    mesh = settings.mesh
    if mesh.gateway_place is not None and mesh.gateway.tls_secret and mesh.gateway_certificate is None:
        kube.require_certificate(mesh.gateway_place, str(mesh.gateway.tls_secret))


def _generated(settings: StackSettings) -> Iterator[str]:
    """Secrets with the passwords of the stack's own stores."""
    database, cache = settings.postgres, settings.redis
    if not isinstance(database, OutsidePostgres) and database.existing_secret is not None:
        yield from map(str, (database.secret_name, database.migrations_secret_name, database.services_secret_name))
    if not isinstance(cache, OutsideRedis) and cache.existing_secret is not None:
        yield str(cache.existing_secret)


def _given(settings: StackSettings) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Secrets of the stores outside, with their keys."""
    database, cache = settings.postgres, settings.redis
    logins: list[object] = []
    if isinstance(database, OutsidePostgres):
        logins += [database.services_secret, database.migrations_secret]
    if isinstance(cache, OutsideRedis):
        logins.append(cache.login_secret)
    for secret in filter(None, logins):
        yield str(secret), (USER_KEY, PASSWORD_KEY)
    for store in (database, cache):
        ca = store.tls.ca if isinstance(store, OutsideStore) else None
        if ca is not None and isinstance(ca.secret, str):
            yield ca.secret, (ca.key,)
