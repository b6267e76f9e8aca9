"""Distributed stores of a Jaeger: Elasticsearch, OpenSearch or Cassandra, which others run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, model_validator

from otel_mesh.core.endpoints import ClientTls, SecretKey, is_in_cluster, unencrypted
from otel_mesh.core.errors import InvalidSettingsError, Problem, join_path
from otel_mesh.core.outputs import HostPortInput, NameInput, UrlInput  # noqa: TC001 - pydantic reads them at run time
from otel_mesh.core.values import (
    DnsLabel,
    KeyspaceName,
    Replicas,
    Retention,
    Settings,
    hours,
)
from otel_mesh.k8s.containers import Volume
from otel_mesh.k8s.tls_files import TlsFiles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from otel_mesh.k8s.pod_types import KeyPath, VolumeSource

_FOLDER: Final = "/etc/jaeger-store"
_USERNAME: Final = "STORE_USERNAME"
_PASSWORD: Final = "STORE_PASSWORD"  # noqa: S105 - the name of a variable


class SearchStore(Settings):
    """An Elasticsearch or OpenSearch cluster.

    A server may be an Output: whether it needs TLS is then checked when its address is known.

    Jaeger writes one index a day and deletes none: old ones are removed by a policy of the cluster (ILM or ISM), or by
    Jaeger's ``es-index-cleaner``.

    Attributes:
        servers: URLs of the servers.
        login_secret: Secret of type ``kubernetes.io/basic-auth`` with the login; None without one.
        tls: TLS of the connection, for authorities of your own or a client certificate.
        index_prefix: Prefix of the indices, for several Jaegers on one cluster.
        index_shards: Number of shards of a new index.
        index_replicas: Number of copies of each shard.
    """

    servers: tuple[UrlInput, ...] = Field(min_length=1)
    login_secret: NameInput | None = None
    tls: ClientTls | None = None
    index_prefix: DnsLabel = "jaeger"
    index_shards: Annotated[int, Field(ge=1, le=1000)] = 5
    index_replicas: Annotated[int, Field(ge=0, le=100)] = 1

    @model_validator(mode="after")
    def _nothing_secret_in_plain(self) -> Self:
        given = {"login_secret": self.login_secret is not None}
        problems = [
            problem
            for number, server in enumerate(self.servers)
            for problem in unencrypted(server, tls=self.tls, credentials=given, path=join_path("servers", number))
        ]
        if problems:
            raise InvalidSettingsError(dict.fromkeys(problems))
        return self

    def config(self) -> dict[str, Any]:
        """Jaeger's configuration of the store."""
        index = {"shards": self.index_shards, "replicas": self.index_replicas}
        fields: dict[str, Any] = {
            "server_urls": list(self.servers),
            "indices": {
                "index_prefix": self.index_prefix,
                **dict.fromkeys(("spans", "services", "dependencies", "sampling"), index),
            },
        }
        if self.login_secret is not None:
            password = f"{_FOLDER}/login/password"
            fields["auth"] = {"basic": {"username": f"${{env:{_USERNAME}}}", "password_file": password}}
        if self.tls is not None:
            fields["tls"] = _tls(self.tls).collector_settings()
        elif not any(one.startswith("https://") for one in self.servers if isinstance(one, str)):
            fields["tls"] = {"insecure": True}
        return fields

    def access(self) -> Access:
        """What the pod needs to log in."""
        if self.login_secret is None:
            return Access(volumes=_tls(self.tls).volumes())
        items: list[KeyPath] = [{"key": "password", "path": "password"}]
        source: VolumeSource = {"secret": {"secretName": self.login_secret, "items": items, "defaultMode": 0o440}}
        login = Volume(name="store-login", path=f"{_FOLDER}/login", source=source, read_only=True)
        username = {_USERNAME: SecretKey(secret=self.login_secret, key="username")}
        return Access(environment=username, volumes=(login, *_tls(self.tls).volumes()))


class CassandraStore(Settings):
    """A Cassandra cluster.

    Attributes:
        servers: ``host:port`` of the contact points.
        keyspace: Keyspace of the traces.
        datacenter: Data center of the replicas.
        create_schema: Whether Jaeger creates the keyspace and its tables; without it they have to exist.
        replication_factor: Number of copies of each row in a keyspace that Jaeger creates.
        retention: Time that spans are kept, in a keyspace that Jaeger creates.
        login_secret: Secret of type ``kubernetes.io/basic-auth`` with the login; None without one.
        tls: TLS of the connection; None for none. Empty for the authorities of the image.
    """

    servers: tuple[HostPortInput, ...] = Field(min_length=1)
    keyspace: KeyspaceName = "jaeger"
    datacenter: str = Field(default="dc1", min_length=1, max_length=100)
    create_schema: bool = True
    replication_factor: Replicas = 3
    retention: Retention = "7d"
    login_secret: NameInput | None = None
    tls: ClientTls | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        hosts = [one.rpartition(":")[0] for one in self.servers if isinstance(one, str)]
        if self.login_secret is not None and self.tls is None and not all(is_in_cluster(one) for one in hosts):
            problems.append(Problem("login_secret", "would leave the cluster unencrypted", "set tls"))
        if not self.create_schema:
            problems += [
                Problem(name, "has no effect on a keyspace that exists", "remove it, or set create_schema")
                for name in ("replication_factor", "retention")
                if name in self.model_fields_set
            ]
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def config(self) -> dict[str, Any]:
        """Jaeger's configuration of the store."""
        schema: dict[str, Any] = {"keyspace": self.keyspace, "create": self.create_schema}
        if self.create_schema:
            ttl = f"{hours(self.retention)}h"
            copies = {"datacenter": self.datacenter, "replication_factor": self.replication_factor}
            schema |= {**copies, "trace_ttl": ttl, "dependencies_ttl": ttl}
        connection: dict[str, Any] = {
            "servers": list(self.servers),
            "local_dc": self.datacenter,
            "tls": {"insecure": True} if self.tls is None else _tls(self.tls).collector_settings(),
        }
        if self.login_secret is not None:
            login = {"username": f"${{env:{_USERNAME}}}", "password": f"${{env:{_PASSWORD}}}"}
            connection["auth"] = {"basic": login}
        return {"schema": schema, "connection": connection}

    def access(self) -> Access:
        """What the pod needs to log in."""
        environment = {}
        if self.login_secret is not None:
            keys = {_USERNAME: "username", _PASSWORD: "password"}
            environment = {name: SecretKey(secret=self.login_secret, key=key) for name, key in keys.items()}
        return Access(environment=environment, volumes=_tls(self.tls).volumes())


@dataclass(frozen=True, kw_only=True)
class Access:
    """What a pod needs to log in to a store.

    Attributes:
        environment: Environment variables with values from Secrets.
        volumes: Volumes with secrets and certificates.
    """

    environment: Mapping[str, SecretKey] = field(default_factory=dict)
    volumes: tuple[Volume, ...] = ()


def _tls(tls: ClientTls | None) -> TlsFiles:
    return TlsFiles(name="store", folder=f"{_FOLDER}/tls", tls=tls)
