"""An API server on a loopback port that has the service proxy only, and refuses as the real one does."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from tests.programs.loopback_server import loopback_server

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    Answer = Callable[[dict[str, str]], Any]

TOKEN = "of-ada"  # noqa: S105 -- a test's
_PROXY = re.compile(r"/api/v1/namespaces/([^/]+)/services/http:([^/:]+):(\d+)/proxy(/.*)")
_REASONS = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 500: "InternalError", 503: "ServiceUnavailable"}


@dataclass
class KubeApi:
    """What a test decides of the server, and what it saw."""

    port: int = 0
    scheme: str = "http"
    services: dict[str, dict[str, Answer]] = field(default_factory=dict)
    """Backends by ``namespace/name:port``, each as answers by path, with underscores for slashes."""
    authorization: str | None = f"Bearer {TOKEN}"
    """Header that is accepted; None where certificates are asked for instead."""
    forbidden: bool = False
    """Whether the user may not use the service proxy."""
    without_pods: bool = False
    """Whether no Service has a ready pod."""
    asked: list[str] = field(default_factory=list)
    """Paths of requests."""

    def answer(self, path: str, authorization: str | None) -> tuple[int, str]:
        """Status and body of a response."""
        parts = urlsplit(path)
        self.asked.append(parts.path)
        found = _PROXY.fullmatch(parts.path)
        if self.authorization not in (None, authorization):
            return _status(401, "Unauthorized")
        if found is None:
            return _status(404, "the server could not find the requested resource")
        namespace, name, port, rest = found.groups()
        return self._refusal(namespace, name, port) or self._proxied(f"{namespace}/{name}:{port}", rest, parts.query)

    def _refusal(self, namespace: str, name: str, port: str) -> tuple[int, str] | None:
        scheme_name = f"http:{name}:{port}"
        if self.forbidden:
            what = f'cannot get resource "services/proxy" in API group "" in the namespace "{namespace}"'
            return _status(403, f'services "{scheme_name}" is forbidden: User "ada" {what}')
        if f"{namespace}/{name}:{port}" not in self.services:
            return _status(404, f'services "{name}" not found')
        if self.without_pods:
            return _status(503, f'no endpoints available for service "{scheme_name}"')
        return None

    def _proxied(self, place: str, path: str, query: str) -> tuple[int, str]:
        make = self.services[place].get(path.strip("/").replace("/", "_"))
        made = 404 if make is None else make(dict(parse_qsl(query)))
        if isinstance(made, int):
            return made, json.dumps({"errors": [{"code": made, "msg": "as asked"}]})
        return 200, made if isinstance(made, str) else json.dumps(made)


def _status(code: int, message: str) -> tuple[int, str]:
    """A refusal of the API server's own."""
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return code, json.dumps({**status, "message": message, "reason": _REASONS[code], "code": code})


@contextmanager
def serving(api: KubeApi, tls: ssl.SSLContext | None = None) -> Iterator[KubeApi]:
    """The server, with its port.

    Args:
        api: What it answers.
        tls: Its certificate, and whom it trusts.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, body = api.answer(self.path, self.headers["authorization"])
            self.send_response(code)
            self.send_header("content-length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

    api.scheme = "https" if tls is not None else api.scheme
    with loopback_server(Handler, tls) as api.port:
        yield api


def kubeconfig(
    file: Path, server: str, user: Mapping[str, Any], cluster: Mapping[str, Any] | None = None, *, context: str
) -> None:
    """Write a kubeconfig with one context, as its owner would have it.

    Args:
        file: The file.
        server: URL of the API server.
        user: Credentials.
        cluster: What the cluster's entry has beside the URL.
        context: Name of the context.
    """
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "far", "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": "ada", "user": dict(user)}],
        "contexts": [{"name": context, "context": {"cluster": "far", "user": "ada"}}],
        "current-context": context,
    }
    file.write_text(yaml.safe_dump(content))
