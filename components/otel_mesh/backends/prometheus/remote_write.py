"""Addresses that a `Prometheus` sends its series to by remote write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, model_validator

from otel_mesh.core.endpoints import Remote, SecretKey, SecretReference, unencrypted
from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import ObjectName, UrlText  # noqa: TC001 - pydantic reads them at run time
from otel_mesh.k8s.containers import Volume
from otel_mesh.k8s.tls_files import TlsFiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

_FOLDER: Final = "/etc/prometheus-remote-write"


class RemoteWrite(Remote):
    """A receiver of Prometheus remote write.

    Attributes:
        endpoint: Complete URL of the receiver.
        bearer_token: Token of every request, from a Secret.
        basic_auth: Name of a Secret of type ``kubernetes.io/basic-auth`` with the login.
        exemplars: Whether exemplars are sent.
    """

    endpoint: UrlText
    bearer_token: SecretReference | None = None
    basic_auth: ObjectName | None = None
    exemplars: bool = Field(default=True)

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        given = {"bearer_token": self.bearer_token is not None, "basic_auth": self.basic_auth is not None}
        problems = unencrypted(self.endpoint, tls=None, credentials=given)
        if all(given.values()):
            problems.append(Problem("basic_auth", "bearer_token is set too", "set one of the two"))
        if "authorization" in self.headers:
            reason = "is a header that Prometheus sets itself"
            problems.append(Problem("headers.authorization", reason, "set bearer_token or basic_auth"))
        if problems:
            raise InvalidSettingsError(problems)
        return self


def remote_write_config(targets: Mapping[str, RemoteWrite]) -> list[dict[str, Any]]:
    """The section ``remote_write``; secrets are files.

    Args:
        targets: Receivers by name.
    """
    return [_section(name, one) for name, one in targets.items()]


def _section(name: str, target: RemoteWrite) -> dict[str, Any]:
    folder = f"{_FOLDER}/{name}"
    section: dict[str, Any] = {"name": name, "url": target.endpoint, "send_exemplars": target.exemplars}
    if target.bearer_token is not None:
        section["authorization"] = {"credentials_file": f"{folder}/token/{target.bearer_token.key}"}
    if target.basic_auth is not None:
        login = f"{folder}/login"
        section["basic_auth"] = {"username_file": f"{login}/username", "password_file": f"{login}/password"}
    if target.headers:
        files = {header: f"{folder}/{header}/{source.key}" for header, source in target.headers.items()}
        section["http_headers"] = {header: {"files": [path]} for header, path in files.items()}
    if target.tls is not None:
        section["tls_config"] = _tls(name, target).collector_settings()
    return section


def remote_write_volumes(targets: Mapping[str, RemoteWrite]) -> tuple[Volume, ...]:
    """The volumes with the secrets and certificates.

    Args:
        targets: Receivers by name.
    """
    return tuple(volume for name, one in targets.items() for volume in _volumes(name, one))


def _volumes(name: str, target: RemoteWrite) -> Iterator[Volume]:
    keys: dict[str, SecretKey] = dict(target.headers)
    if target.bearer_token is not None:
        keys["token"] = target.bearer_token
    for number, (part, source) in enumerate(keys.items()):
        items = [{"key": source.key, "path": source.key}]
        yield _secret(f"remote-{name}-{number}", source.secret, f"{_FOLDER}/{name}/{part}", items=items)
    if target.basic_auth is not None:
        yield _secret(f"remote-{name}-login", target.basic_auth, f"{_FOLDER}/{name}/login")
    yield from _tls(name, target).volumes()


def _secret(name: str, secret: str, path: str, **further: Any) -> Volume:  # noqa: ANN401 - fields of the source
    source = {"secret": {"secretName": secret, "defaultMode": 0o440, **further}}
    return Volume(name=name, path=path, source=source, read_only=True)


def _tls(name: str, target: RemoteWrite) -> TlsFiles:
    return TlsFiles(name=f"remote-{name}", folder=f"{_FOLDER}/{name}/tls", tls=target.tls)
