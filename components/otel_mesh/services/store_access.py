"""Access of a service to its stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pulumi
from pydantic import model_validator

from otel_mesh.core.endpoints import ClientTls
from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import Port  # noqa: TC001 - a component plugin reads it at run time
from otel_mesh.k8s.passwords import USER_KEY, password_file, secret_file
from otel_mesh.k8s.tls_files import TlsFiles

if TYPE_CHECKING:
    from typing import Self

    from otel_mesh.k8s.containers import Volume

TlsMode = Literal["disable", "require", "verify-ca", "verify-full"]
"""How much TLS verifies, as in https://www.postgresql.org/docs/current/libpq-ssl.html."""

_TLS_DIR = "/etc/otel-mesh/tls"


class StoreTls(ClientTls):
    """TLS of a service's connections to a store.

    Attributes:
        mode: ``verify-full`` verifies the server's certificate and its host name, ``verify-ca`` the certificate only;
            ``require`` encrypts and verifies nothing, ``disable`` does not encrypt.
    """

    mode: TlsMode = "verify-full"

    @model_validator(mode="after")
    def _authorities_fit_the_mode(self) -> Self:
        problems = []
        if self.mode == "verify-ca" and self.ca is None:
            reason = "required with mode 'verify-ca': the image's authorities sign certificates for everybody"
            problems.append(Problem("ca", reason, "name your authority's certificate, or set mode to verify-full"))
        if not self.mode.startswith("verify") and self.ca is not None:
            problems.append(Problem("ca", f"has no effect with mode '{self.mode}'", "remove it, or set verify-full"))
        if self.mode == "disable" and self.client_secret is not None:
            problems.append(Problem("client_secret", "has no effect with mode 'disable'", "remove it"))
        if problems:
            raise InvalidSettingsError(problems)
        return self


@dataclass(frozen=True, kw_only=True)
class DatabaseLogin:
    """A login at a database.

    Attributes:
        secret_name: Name of the Secret with the key ``password``, in the service's namespace.
        user: Name of the database role; None if the Secret has it too, with the key ``username``.
    """

    secret_name: pulumi.Input[str]
    user: str | None = None


@dataclass(frozen=True, kw_only=True)
class DatabaseAccess:
    """Access of a service to its database.

    Attributes:
        host: Host name of the server.
        port: Port of the server.
        name: Name of the database.
        secret_name: Name of the Secret with the key ``password``, in the service's namespace.
        user: Database role of the service; None if the Secret has it too, with the key ``username``.
        migrations: Login that changes the schema. An init container of each pod migrates the database before the
            service starts, and only it gets the password. None if the schema is managed elsewhere.
        tls: TLS of the connections; None if a mesh encrypts them.
    """

    host: pulumi.Input[str]
    port: pulumi.Input[Port]
    name: pulumi.Input[str]
    secret_name: pulumi.Input[str]
    user: pulumi.Input[str] | None = None
    migrations: DatabaseLogin | None = None
    tls: StoreTls | None = None


@dataclass(frozen=True, kw_only=True)
class CacheAccess:
    """Access of a service to its cache.

    Attributes:
        host: Host name of the server.
        port: Port of the server.
        secret_name: Name of the Secret with the key ``password``, in the service's namespace.
        user: User of the service; None if the Secret has it too, with the key ``username``.
        tls: TLS of the connections; None if a mesh encrypts them.
    """

    host: pulumi.Input[str]
    port: pulumi.Input[Port]
    secret_name: pulumi.Input[str]
    user: pulumi.Input[str] | None = None
    tls: StoreTls | None = None


def database_environment(access: DatabaseAccess, login: DatabaseAccess | DatabaseLogin) -> dict[str, pulumi.Input[str]]:
    """The environment variables of a container that uses a database.

    Args:
        access: Access to the database.
        login: Role of the container.
    """
    return {
        "DATABASE_HOST": access.host,
        "DATABASE_PORT": _text(access.port),
        "DATABASE_NAME": access.name,
        **_login("DATABASE", login, "database" if login is access else "migrations"),
        **_tls_environment("DATABASE", access.tls),
    }


def cache_environment(access: CacheAccess) -> dict[str, pulumi.Input[str]]:
    """The environment variables of a container that uses a cache."""
    return {
        "REDIS_HOST": access.host,
        "REDIS_PORT": _text(access.port),
        **_login("REDIS", access, "cache"),
        **_tls_environment("REDIS", access.tls),
    }


def store_tls_volumes(access: DatabaseAccess | CacheAccess | None) -> tuple[Volume, ...]:
    """The volumes with the certificates of a store's TLS."""
    if access is None:
        return ()
    return _files("DATABASE" if isinstance(access, DatabaseAccess) else "REDIS", access.tls).volumes()


def _text(port: pulumi.Input[int]) -> pulumi.Input[str]:
    return str(port) if isinstance(port, int) else pulumi.Output.format("{0}", port)


def _login(
    prefix: str, login: DatabaseAccess | DatabaseLogin | CacheAccess, volume: str
) -> dict[str, pulumi.Input[str]]:
    secret = login.secret_name
    named: dict[str, pulumi.Input[str]] = {f"{prefix}_USER_FILE": secret_file(secret, USER_KEY, volume)}
    if login.user is not None:
        named = {f"{prefix}_USER": login.user}
    return {**named, f"{prefix}_PASSWORD_FILE": password_file(secret, volume)}


def _files(prefix: str, tls: StoreTls | None) -> TlsFiles:
    name = prefix.lower()
    return TlsFiles(name=f"{name}-tls", folder=f"{_TLS_DIR}/{name}", tls=tls)


def _tls_environment(prefix: str, tls: StoreTls | None) -> dict[str, pulumi.Input[str]]:
    if tls is None:
        return {}
    files = _files(prefix, tls)
    paths = {"CA_FILE": files.ca, "CERTIFICATE_FILE": files.certificate, "KEY_FILE": files.key}
    found = {f"{prefix}_{name}": path for name, path in paths.items() if path is not None}
    return {f"{prefix}_TLS_MODE": tls.mode, **found}
