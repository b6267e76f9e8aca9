"""Calls of services to hosts outside the cluster."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.outputs import OrOutput, is_late
from otel_mesh.core.values import DnsLabel, Port, Settings
from otel_mesh.k8s.network_policy import Cidr  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    import pulumi

ExternalProtocol = Literal["https", "tls", "http", "grpc", "tcp"]

_HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+")
_PLAIN: Final = ("http", "grpc")


def _host(text: str) -> str:
    if _HOST.fullmatch(text) is None:
        raise ValueError("is not a host name; write one such as api.example.com, without scheme, port and path")
    return text


HostName = Annotated[str, AfterValidator(_host)]
"""Fully qualified DNS name in lower case."""

if TYPE_CHECKING:
    HostInput = pulumi.Input[str]
else:
    HostInput = Annotated[HostName, OrOutput()]
    """Fully qualified DNS name in lower case, or an Output of one."""


class OutsideHost(Settings):
    """A host outside the cluster.

    Attributes:
        host: Name of the host.
        name: Name of the host in the names of objects; by default the host's own with dashes in place of dots. Required
            if the host is an Output.
        port: Port of the connections.
    """

    host: pulumi.Input[str]
    name: DnsLabel | None = None
    port: Port

    @model_validator(mode="after")
    def _named_before_it_is_known(self) -> Self:
        if self.name is None and is_late(self.host):
            reason = "required if 'host' is an Output: objects need names before its value is known"
            raise InvalidSettingsError([Problem("name", reason, "add it, such as {name: payments}")])
        return self

    @property
    def key(self) -> str:
        """Name that tells the host apart from others: ``name``, else the host's own."""
        return self.name or str(self.host)


class ExternalCall(OutsideHost):
    """A host outside the cluster that a service calls.

    The host's name may be an Output, such as the host of a database that another stack creates. Port, protocol and
    addresses are plain: NetworkPolicies and the mesh's objects depend on them.

    Attributes:
        host: DNS name of the host.
        port: Port the service connects to.
        protocol: Protocol the service speaks; ``https`` and ``tls`` pass the proxy encrypted.
        tls_port: Port of the host to which the service's proxy adds TLS, for a service that speaks plain ``http`` or
            ``grpc``; None for no TLS by the proxy. The host's certificate is verified.
        addresses: Address ranges of the host; any address when empty. A NetworkPolicy knows addresses only, so that
            without them it allows the port everywhere and only the mesh checks the host's name.
    """

    host: HostInput
    port: Port = 443
    protocol: ExternalProtocol = "https"
    tls_port: Port | None = None
    addresses: tuple[Cidr, ...] = ()

    @model_validator(mode="after")
    def _tls_on_plain_protocols(self) -> Self:
        if self.tls_port is not None and self.protocol not in _PLAIN:
            reason = f"TLS by the proxy on top of protocol '{self.protocol}'"
            raise InvalidSettingsError([Problem("tls_port", reason, "remove it, or set protocol to http or grpc")])
        return self

    @model_validator(mode="after")
    def _tcp_has_addresses(self) -> Self:
        if self.protocol == "tcp" and not self.addresses:
            reason = "required for protocol 'tcp': such connections carry no host name that the mesh could tell"
            raise InvalidSettingsError([Problem("addresses", reason, "list the host's address ranges")])
        return self

    @property
    def target_port(self) -> int:
        """Port of the host that connections arrive at."""
        return self.tls_port or self.port


def _named(value: Any) -> Any:  # noqa: ANN401 - whatever was written
    return {"host": value} if isinstance(value, str) or is_late(value) else value


NamedExternalCall = Annotated[ExternalCall, BeforeValidator(_named, json_schema_input_type=str | ExternalCall)]
"""An `ExternalCall`, or just the name of a host that is called by HTTPS."""


def contradictions(calls: Mapping[str, ExternalCall]) -> Iterator[Problem]:
    """Problems of calls that describe a host in different ways; a host that is an Output is compared when it is known.

    Args:
        calls: Calls by path.
    """
    ports: dict[tuple[str, int], tuple[str, ExternalCall]] = {}
    hosts: dict[str, tuple[str, str]] = {}
    names: dict[str, tuple[str, str]] = {}
    for path, call in calls.items():
        first, other = ports.setdefault((call.key, call.port), (path, call))
        if isinstance(call.host, str):
            named, host = hosts.setdefault(call.key, (path, call.host))
            met, key = names.setdefault(call.host, (path, call.key))
            if host != call.host:
                yield Problem(f"{path}.name", f"is the name of another host in {named}", "give each host its own name")
                continue
            if key != call.key:
                remedy = "give the host the same name at both places"
                yield Problem(f"{path}.name", f"'{call.host}' has another name in {met}", remedy)
                continue
        if call.model_copy(update={"host": other.host}) != other:
            reason = f"'{call.key}', port {call.port}, has other values in {first}"
            yield Problem(path, reason, "describe the host the same way at both places")
