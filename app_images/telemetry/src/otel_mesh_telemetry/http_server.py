"""Attributes of HTTP server spans by the stable semantic conventions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from otel_mesh_telemetry import redact

if TYPE_CHECKING:
    from collections.abc import ItemsView, MutableMapping

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
"""Methods defined by the conventions; any other is recorded as ``_OTHER``, with the span name ``HTTP``."""

VERSIONS = {"1.0": "1.0", "1.1": "1.1", "2": "2", "2.0": "2", "3": "3", "3.0": "3"}
_MAX_PATH_LENGTH = 1024
_MAX_AGENT_LENGTH = 256
_MAX_METHOD_LENGTH = 32


class LazyAttributes(Mapping[str, str | int]):
    """Attributes of a request, built on first access.

    They are passed at the start of the span because samplers may read them. A parent-based sampler does not, so the
    attributes of unsampled requests are never built.

    Args:
        scope: ASGI scope of the request.
        carrier: Headers by lower-case name.
    """

    __slots__ = ("_carrier", "_made", "_scope")

    def __init__(self, scope: MutableMapping[str, Any], carrier: Mapping[str, str]) -> None:
        self._scope = scope
        self._carrier = carrier
        self._made: dict[str, str | int] | None = None

    def _all(self) -> dict[str, str | int]:
        if self._made is None:
            self._made = request_attributes(self._scope, self._carrier)
        return self._made

    def __getitem__(self, key: str) -> str | int:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def items(self) -> ItemsView[str, str | int]:
        """The items of the underlying dictionary; the SDK copies attributes with it, and the inherited one is slow."""
        return self._all().items()


def request_attributes(scope: MutableMapping[str, Any], carrier: Mapping[str, str]) -> dict[str, str | int]:
    """The attributes known before the application handles the request."""
    method: str = scope["method"]
    path: str = scope["path"]
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "url.path": path if len(path) <= _MAX_PATH_LENGTH else path[:_MAX_PATH_LENGTH],
        "url.scheme": scope.get("scheme", "http"),
    }
    if method not in METHODS:
        attributes["http.request.method"] = "_OTHER"
        attributes["http.request.method_original"] = method[:_MAX_METHOD_LENGTH]
    if query := scope.get("query_string"):
        attributes["url.query"] = redact.query(query.decode("latin-1"))
    if version := VERSIONS.get(scope.get("http_version", "")):
        attributes["network.protocol.version"] = version
    if host := carrier.get("host"):
        attributes["server.address"], port = _hosts.get(host) or _host(host)
        if port is not None:
            attributes["server.port"] = port
    if agent := carrier.get("user-agent"):
        attributes["user_agent.original"] = agent[:_MAX_AGENT_LENGTH]
    return attributes


_hosts: dict[str, tuple[str, int | None]] = {}
_MAX_HOSTS = 256  # Host headers are chosen by callers and must not fill the memory


def _host(host: str) -> tuple[str, int | None]:
    """Address and port of a Host header; the first 256 are cached."""
    name, colon, port = host.rpartition(":")
    if colon and port.isdecimal() and name and len(port) <= 5:  # noqa: PLR2004 - 65535
        found: tuple[str, int | None] = (name[:_MAX_AGENT_LENGTH], int(port))
    else:
        found = (host[:_MAX_AGENT_LENGTH], None)
    if len(_hosts) < _MAX_HOSTS and len(host) <= _MAX_AGENT_LENGTH:
        _hosts[host] = found
    return found
