"""Calls of services to hosts outside the cluster."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import Port, Settings
from otel_mesh.k8s.network_policy import Cidr  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from typing import Self

ExternalProtocol = Literal["https", "tls", "http", "grpc", "tcp"]

_HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+")
_PLAIN: Final = ("http", "grpc")


def _host(text: str) -> str:
    if _HOST.fullmatch(text) is None:
        raise ValueError("is not a host name; write one such as api.example.com, without scheme, port and path")
    return text


HostName = Annotated[str, AfterValidator(_host)]
"""Fully qualified DNS name in lower case."""


class ExternalCall(Settings):
    """A host outside the cluster that a service calls.

    Attributes:
        host: DNS name of the host.
        port: Port the service connects to.
        protocol: Protocol the service speaks; ``https`` and ``tls`` pass the proxy encrypted.
        tls_port: Port of the host to which the service's proxy adds TLS, for a service that speaks plain ``http`` or
            ``grpc``; None for no TLS by the proxy. The host's certificate is verified.
        addresses: Address ranges of the host; any address when empty. A NetworkPolicy knows addresses only, so that
            without them it allows the port everywhere and only the mesh checks the host's name.
    """

    host: HostName
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
    return {"host": value} if isinstance(value, str) else value


NamedExternalCall = Annotated[ExternalCall, BeforeValidator(_named, json_schema_input_type=str | ExternalCall)]
"""An `ExternalCall`, or just the name of a host that is called by HTTPS."""
