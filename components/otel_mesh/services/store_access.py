"""Access of a service to its stores."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi  # noqa: TC002 - a component plugin reads it at run time

from otel_mesh.core.values import Port  # noqa: TC001 - the same


@dataclass(frozen=True, kw_only=True)
class DatabaseLogin:
    """A login at a database.

    Attributes:
        user: Name of the database role.
        secret_name: Name of the Secret with the key ``password``, in the service's namespace.
    """

    user: str
    secret_name: str


@dataclass(frozen=True, kw_only=True)
class DatabaseAccess:
    """Access of a service to its database.

    Attributes:
        host: Host name of the server.
        port: Port of the server.
        name: Name of the database.
        user: Database role of the service.
        secret_name: Name of the Secret with the key ``password``, in the service's namespace.
        migrations: Login that changes the schema. An init container of each pod migrates the database before the
            service starts, and only it gets the password. None if the schema is managed elsewhere.
    """

    host: pulumi.Input[str]
    port: Port
    name: str
    user: str
    secret_name: str
    migrations: DatabaseLogin | None = None


@dataclass(frozen=True, kw_only=True)
class CacheAccess:
    """Access of a service to its cache.

    Attributes:
        host: Host name of the server.
        port: Port of the server.
        user: User of the service.
        secret_name: Name of the Secret with the key ``password``, in the service's namespace.
    """

    host: pulumi.Input[str]
    port: Port
    user: str
    secret_name: str
