"""What a service is told of the stores that it uses."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi  # noqa: TC002 - a component plugin reads it at run time

from otel_mesh.core.values import Port  # noqa: TC001 - the same


@dataclass(frozen=True, kw_only=True)
class DatabaseLogin:
    """A role of a database.

    Attributes:
        user: the role's name.
        secret_name: of the Secret in the service's namespace whose key ``password`` is mounted.
    """

    user: str
    secret_name: str


@dataclass(frozen=True, kw_only=True)
class DatabaseAccess:
    """How a service reaches its database.

    Attributes:
        host: of the server.
        port: of the server.
        name: of the database.
        user: that it logs in as.
        secret_name: of the Secret in the service's namespace whose key ``password`` is mounted.
        migrations: the role that changes the schema: an init container of each pod does so before the service starts,
            and nothing else gets its password. None where the schema is somebody else's business.
    """

    host: pulumi.Input[str]
    port: Port
    name: str
    user: str
    secret_name: str
    migrations: DatabaseLogin | None = None


@dataclass(frozen=True, kw_only=True)
class CacheAccess:
    """How a service reaches its cache.

    Attributes:
        host: of the server.
        port: of the server.
        user: that it logs in as.
        secret_name: of the Secret in the service's namespace whose key ``password`` is mounted.
    """

    host: pulumi.Input[str]
    port: Port
    user: str
    secret_name: str
