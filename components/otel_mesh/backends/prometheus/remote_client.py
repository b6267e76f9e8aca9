"""Servers outside the stack that a `Prometheus` logs in to: their settings, configuration and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from otel_mesh.core.endpoints import Remote, SecretKey, SecretReference, unencrypted
from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.outputs import NameInput, UrlInput  # noqa: TC001 - pydantic reads them at run time
from otel_mesh.k8s.containers import Volume
from otel_mesh.k8s.tls_files import TlsFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from otel_mesh.k8s.pod_types import KeyPath, SecretFiles


class RemoteClient(Remote):
    """A server that Prometheus sends to, with the login it requires.

    Attributes:
        endpoint: URL of the server.
        bearer_token: Token of every request, from a Secret.
        basic_auth: Name of a Secret of type ``kubernetes.io/basic-auth`` with the login.
    """

    endpoint: UrlInput
    bearer_token: SecretReference | None = None
    basic_auth: NameInput | None = None

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


def client_config(prefix: str, folder: str, target: RemoteClient) -> dict[str, Any]:
    """Login, headers and TLS in Prometheus' configuration; secrets are files.

    Args:
        prefix: Prefix of the volumes' names.
        folder: Folder of the files.
        target: The server.
    """
    section: dict[str, Any] = {}
    if target.bearer_token is not None:
        section["authorization"] = {"credentials_file": f"{folder}/token/{target.bearer_token.key}"}
    if target.basic_auth is not None:
        login = f"{folder}/login"
        section["basic_auth"] = {"username_file": f"{login}/username", "password_file": f"{login}/password"}
    if target.headers:
        files = {header: f"{folder}/{header}/{source.key}" for header, source in target.headers.items()}
        section["http_headers"] = {header: {"files": [path]} for header, path in files.items()}
    if target.tls is not None:
        section["tls_config"] = _tls(prefix, folder, target).collector_settings()
    return section


def client_volumes(prefix: str, folder: str, target: RemoteClient) -> Iterator[Volume]:
    """The volumes with the secrets and certificates of `client_config`."""
    keys: dict[str, SecretKey] = dict(target.headers)
    if target.bearer_token is not None:
        keys["token"] = target.bearer_token
    for number, (part, source) in enumerate(keys.items()):
        items: list[KeyPath] = [{"key": source.key, "path": source.key}]
        files: SecretFiles = {"secretName": source.secret, "defaultMode": 0o440, "items": items}
        yield _volume(f"{prefix}-{number}", files, f"{folder}/{part}")
    if target.basic_auth is not None:
        yield _volume(f"{prefix}-login", {"secretName": target.basic_auth, "defaultMode": 0o440}, f"{folder}/login")
    yield from _tls(prefix, folder, target).volumes()


def _volume(name: str, files: SecretFiles, path: str) -> Volume:
    return Volume(name=name, path=path, source={"secret": files}, read_only=True)


def _tls(prefix: str, folder: str, target: RemoteClient) -> TlsFiles:
    return TlsFiles(name=prefix, folder=f"{folder}/tls", tls=target.tls)
