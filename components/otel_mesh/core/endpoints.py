"""Programs outside the stack: their addresses, and references to the Secrets and certificates that they are used with.

Nothing here contains a secret: a setting names the Secret and its key, and the pod reads the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.network import CLUSTER_DOMAIN
from otel_mesh.core.outputs import NameInput, UrlInput  # noqa: TC001 - pydantic reads them at run time
from otel_mesh.core.values import HeaderName, ObjectKey, Settings

if TYPE_CHECKING:
    from typing import Self

    import pulumi

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
"""Port of a URL that names none, by scheme."""


class SecretKey(Settings):
    """A value in a Secret of the pod's own namespace.

    Attributes:
        secret: Name of the Secret.
        key: Key of the value.
    """

    secret: NameInput
    key: ObjectKey


def _reference(value: object) -> object:
    """Rejects a plain value where a reference is required, without repeating it."""
    if isinstance(value, SecretKey | Mapping):
        return value
    raise ValueError("is a plain value; write {secret: ..., key: ...} with the name of a Secret and its key")


SecretReference = Annotated[SecretKey, BeforeValidator(_reference)]
"""Reference to a value in a Secret; a plain value is rejected."""


class Certificates(Settings):
    """A PEM file with certificates of authorities, in a ConfigMap or a Secret of the pod's own namespace.

    Attributes:
        config_map: Name of the ConfigMap.
        secret: Name of the Secret.
        key: Key of the file.
    """

    config_map: NameInput | None = None
    secret: NameInput | None = None
    key: ObjectKey = "ca.crt"

    @model_validator(mode="after")
    def _in_one_object(self) -> Self:
        if (self.config_map is None) == (self.secret is None):
            given = "neither is" if self.secret is None else "both are"
            reason = f"is in a ConfigMap or in a Secret, but {given} named"
            raise InvalidSettingsError([Problem("config_map", reason, "set either config_map or secret")])
        return self


class ClientTls(Settings):
    """TLS of a client.

    Attributes:
        ca: Authorities that the server's certificate is verified with; None for those of the image.
        client_secret: Secret of type ``kubernetes.io/tls`` with the client's certificate; None for no certificate.
    """

    ca: Certificates | None = None
    client_secret: NameInput | None = None


def is_in_cluster(host: str) -> bool:
    """Whether a host name is that of a Kubernetes Service."""
    return "." not in host or host.endswith((".svc", f".svc.{CLUSTER_DOMAIN}"))


class Endpoint(Settings):
    """A server at a URL.

    Attributes:
        endpoint: URL of the server; ``https`` means TLS.
    """

    endpoint: UrlInput

    @property
    def url(self) -> str:
        """URL of the server as a plain value.

        Raises:
            InvalidSettingsError: It is an Output. Files with the URL are made when it is known; objects that depend
                on its scheme, host and port, such as NetworkPolicies, are declared before that.
        """
        if isinstance(self.endpoint, str):
            return self.endpoint
        reason = "is an Output: its scheme, host and port are not known when objects are declared"
        remedy = "write host and port where they are needed, as in EgressHost(host=..., port=443, protocol='TLS')"
        raise InvalidSettingsError([Problem("endpoint", reason, remedy)])

    @property
    def encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return self.url.startswith("https://")

    @property
    def host(self) -> str:
        """Host name or IP address of the server."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Port of the server."""
        parts = urlsplit(self.url)
        return parts.port or DEFAULT_PORTS[parts.scheme]


class Remote(Endpoint):
    """A server outside the stack, with the credentials and certificates it requires.

    Its address may be an Output. Whether it fits the other settings is then checked when it is known, and the program's
    configuration is made after that.

    Attributes:
        tls: TLS of the connection, for authorities of your own or a client certificate.
        headers: Headers of every request, each with a value from a Secret.
    """

    tls: ClientTls | None = None
    headers: dict[HeaderName, SecretReference] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _nothing_secret_in_plain(self) -> Self:
        problems = unencrypted(self.endpoint, tls=self.tls, credentials={"headers": bool(self.headers)})
        if problems:
            raise InvalidSettingsError(problems)
        return self


def unencrypted(
    endpoint: pulumi.Input[str], *, tls: ClientTls | None, credentials: Mapping[str, bool], path: str = "endpoint"
) -> list[Problem]:
    """Problems of an address without TLS: certificates without effect, and secrets sent in plain text.

    Args:
        endpoint: URL of the server; an Output has no problems before its value is known.
        tls: TLS of the connection.
        credentials: Settings with credentials, and whether each is set.
        path: Setting with the URL.
    """
    if not isinstance(endpoint, str) or endpoint.startswith("https://"):
        return []
    problems = []
    if tls is not None:
        problems.append(Problem("tls", "has no effect on http://", f"write https:// in '{path}', or remove it"))
    host = urlsplit(endpoint).hostname or ""
    if not is_in_cluster(host):
        problems += [
            Problem(name, "would leave the cluster unencrypted", f"write https:// in '{path}'")
            for name, given in credentials.items()
            if given
        ]
    return problems


class OwnOr:
    """A validator of a setting that holds either a component's own settings or the address of a program outside.

    Args:
        own: Settings of the stack's own component.
        outside: Settings of an address, which is what a mapping with ``marker`` is.
        program: Name of the component's program, for messages.
        marker: Required key of ``outside``.
    """

    def __init__(self, own: type[Settings], outside: type[Settings], program: str, *, marker: str = "endpoint") -> None:
        self.own, self.outside, self.program, self.marker = own, outside, program, marker

    def __call__(self, value: Any) -> Settings:  # noqa: ANN401 - whatever a stack file contains
        """The settings.

        Raises:
            InvalidSettingsError: They are invalid, or belong to both.
        """
        if isinstance(value, Settings):
            return value
        if not isinstance(value, Mapping):
            return parse(self.own, value)
        own, outside = set(self.own.model_fields), set(self.outside.model_fields)
        if self.marker in value:
            wrong, reason = (
                own - outside,
                f"is a setting of the stack's own {self.program}, which '{self.marker}' replaces",
            )
            remedy = f"remove it, or '{self.marker}'"
        else:
            wrong = outside - own
            reason = f"belongs to an address outside, but there is no '{self.marker}'"
            remedy = f"add '{self.marker}', or remove it"
        mixed = [Problem(key, reason, remedy) for key in value if key in wrong]
        if mixed:
            raise InvalidSettingsError(mixed)
        return parse(self.outside if self.marker in value else self.own, value)
