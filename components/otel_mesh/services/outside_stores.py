"""PostgreSQL and Redis outside the stack: their addresses, and the Secrets and certificates that they are used with."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from pydantic import AfterValidator, model_validator

from otel_mesh.catalog.external import ExternalCall, HostName
from otel_mesh.core.endpoints import is_in_cluster
from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.outputs import NameInput  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.values import Port, Settings
from otel_mesh.k8s.network_policy import Cidr  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.services.store_access import CacheAccess, DatabaseAccess, DatabaseLogin, StoreTls

if TYPE_CHECKING:
    from typing import Self

    from otel_mesh.catalog.external import ExternalProtocol

_SERVICE_LABELS: Final = 2


def _name(host: str) -> str:
    try:
        ip_address(host)
    except ValueError:
        if is_in_cluster(host) and host.partition(".svc")[0].count(".") + 1 != _SERVICE_LABELS:
            raise ValueError("is not the name of a Service; write <name>.<namespace>.svc.cluster.local") from None
        return host
    raise ValueError("is an address; write a host name, which the mesh and the server's certificate know")


StoreHost = Annotated[HostName, AfterValidator(_name)]
"""Host name of a store: fully qualified, of a host outside the cluster or of a Service of another namespace."""


class OutsideStore(Settings):
    """A store outside the stack, in place of the stack's own.

    Its host is plain: the NetworkPolicies, the mesh's objects and whether TLS is required depend on it. A store whose
    host is an Output is a `DatabaseAccess` or a `CacheAccess`, declared as an `ExternalCall`.

    Attributes:
        host: Host name of the server.
        port: Port of the server.
        tls: TLS of the connections.
        addresses: Address ranges of the server, for NetworkPolicies and for a mesh: proxies tell connections that
            begin without a host name apart by them. Any address when empty.
    """

    DIRECT_TLS: ClassVar[bool]
    """Whether a connection with TLS begins with the TLS handshake, which carries the host name."""

    host: StoreHost
    port: Port
    tls: StoreTls = StoreTls()
    addresses: tuple[Cidr, ...] = ()

    @model_validator(mode="after")
    def _encrypted_outside_the_cluster(self) -> Self:
        if self.tls.mode == "disable" and not self.in_cluster:
            problem = Problem("tls.mode", "would leave the cluster unencrypted", "set verify-full")
            raise InvalidSettingsError([problem])
        return self

    @property
    def in_cluster(self) -> bool:
        """Whether the server is a Service of the cluster."""
        return is_in_cluster(self.host)

    @property
    def namespace(self) -> str:
        """Namespace of a server that is a Service of the cluster."""
        return self.host.split(".")[1]

    @property
    def protocol(self) -> ExternalProtocol:
        """Protocol of the connections as a proxy sees it."""
        return "tls" if self.DIRECT_TLS and self.tls.mode != "disable" else "tcp"

    def mesh_problems(self) -> list[Problem]:
        """Problems of the address for callers whose proxies refuse undeclared hosts."""
        if self.in_cluster or self.protocol != "tcp" or self.addresses:
            return []
        reason = "required in a mesh: the connections begin without a host name that proxies could read"
        return [Problem("addresses", reason, "list the server's address ranges")]

    def call(self) -> ExternalCall:
        """The server as a host that services call outside the cluster."""
        # without addresses and without a mesh, only a NetworkPolicy reads the call: it allows any address
        cidrs = self.addresses or ("0.0.0.0/0", "::/0")
        return ExternalCall(
            host=self.host,
            port=self.port,
            protocol=self.protocol,
            addresses=cidrs if self.protocol == "tcp" else self.addresses,
        )


class OutsidePostgres(OutsideStore):
    """A PostgreSQL outside the stack. The databases and their roles have to exist.

    Attributes:
        port: Port of the server.
        services_secret: Secret of type ``kubernetes.io/basic-auth`` in the services' namespace: role that only reads
            and writes rows.
        migrations_secret: Secret like ``services_secret``: role that owns the databases and changes their schema. None
            if the schema is managed elsewhere.
    """

    DIRECT_TLS: ClassVar[bool] = False

    port: Port = 5432
    services_secret: NameInput
    migrations_secret: NameInput | None = None

    def access(self, database: str) -> DatabaseAccess:
        """The access of a service to one of the databases."""
        migrations = self.migrations_secret
        return DatabaseAccess(
            host=self.host,
            port=self.port,
            name=database,
            secret_name=self.services_secret,
            migrations=None if migrations is None else DatabaseLogin(secret_name=migrations),
            tls=self.tls,
        )


class OutsideRedis(OutsideStore):
    """A Redis outside the stack.

    Attributes:
        port: Port of the server.
        login_secret: Secret of type ``kubernetes.io/basic-auth`` in the services' namespace: user of the services.
    """

    DIRECT_TLS: ClassVar[bool] = True

    port: Port = 6379
    login_secret: NameInput

    def access(self) -> CacheAccess:
        """The access of a service to the cache."""
        return CacheAccess(host=self.host, port=self.port, secret_name=self.login_secret, tls=self.tls)
