"""The one way to the API server: requests by path, as the cluster's administrator.

Not lightkube: it has no request for `/readyz`, which starting waits for, nor for kinds that are known by their path
only, as the drift check has them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks.drift import collection
from otel_mesh_embedded.node.layout import API_SERVER
from otel_mesh_embedded.pki import credentials

if TYPE_CHECKING:
    from otel_mesh_cli.core.pod_sources import Kind
    from otel_mesh_embedded.node.layout import Layout

_TIMEOUT_S = 5.0
_FIELD_MANAGER = "otel-mesh-local"
_MERGE, _APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


@dataclass(frozen=True)
class Api:
    """The API server of one environment; every request has a connection of its own, so that a restart breaks none.

    Changes raise `CommandError` if the API server refuses them or does not answer.
    """

    layout: Layout

    def is_ready(self) -> bool:
        """True if it serves requests."""
        return self.text("/readyz") is not None

    def get(self, path: str) -> dict[str, Any] | None:
        """An object or a list; None if it does not exist or there is no answer."""
        text = self.text(path)
        if text is None:
            return None
        parsed: dict[str, Any] = json.loads(text)
        return parsed

    def items(self, path: str) -> list[dict[str, Any]]:
        """Objects of a list; none if there is no answer."""
        found: list[dict[str, Any]] = (self.get(path) or {"items": []})["items"]
        return found

    def listed(self, namespace: str, kind: Kind) -> list[dict[str, Any]]:
        """Pods or events of a namespace.

        Raises:
            CommandError: the API server does not answer.
        """
        found = self.get(f"/api/v1/namespaces/{namespace}/{kind}")
        if found is None:
            raise CommandError("API server: no answer", remedy="run `otel-mesh up`")
        items: list[dict[str, Any]] = found["items"]
        return items

    def last_line(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        """Last line of a container's log, of this run or the one before; empty if there is none."""
        query = urlencode({"container": container, "tailLines": 1, "previous": str(previous).lower()})
        return (self.text(f"/api/v1/namespaces/{namespace}/pods/{pod}/log?{query}") or "").strip()

    def text(self, path: str) -> str | None:
        """An answer as text, such as a log; None if there is nothing at the path or no answer."""
        try:
            response = self._send("GET", path)
        except (httpx.HTTPError, OSError):  # also where its certificates do not exist yet
            return None
        return response.text if response.status_code == HTTPStatus.OK else None

    def delete(self, path: str) -> None:
        """Delete an object, if it exists."""
        self._change("DELETE", path, None, accepted={HTTPStatus.NOT_FOUND})

    def replace(self, path: str, content: dict[str, Any]) -> None:
        """Write an object as it was read, unless someone has changed or deleted it meanwhile."""
        self._change("PUT", path, content, accepted={HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})

    def merge(self, path: str, content: dict[str, Any]) -> None:
        """Change some fields of an object, if it exists."""
        self._change("PATCH", path, content, accepted={HTTPStatus.NOT_FOUND}, kind=_MERGE)

    def apply(self, content: dict[str, Any]) -> None:
        """Create or change an object by server-side apply; its fields are taken over from whoever owns them."""
        path = f"{_place(content)}?fieldManager={_FIELD_MANAGER}&force=true"
        self._change("PATCH", path, content, accepted={HTTPStatus.CREATED}, kind=_APPLY)

    def _change(
        self,
        method: str,
        path: str,
        content: dict[str, Any] | None,
        *,
        accepted: set[HTTPStatus],
        kind: str = "application/json",
    ) -> None:
        body = None if content is None else json.dumps(content)
        try:
            response = self._send(method, path, body, {"Content-Type": kind})
        except (httpx.HTTPError, OSError) as error:
            raise CommandError(f"{method} {path}: {error}", remedy="run `otel-mesh up` again") from error
        if response.status_code not in {HTTPStatus.OK, HTTPStatus.ACCEPTED, *accepted}:
            raise CommandError(f"{method} {path}: {_reason(response)}", remedy="run `otel-mesh up` again")

    def _send(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        context = credentials.tls_context(self.layout, credentials.CLUSTER, credentials.ADMIN)
        with httpx.Client(verify=context, timeout=_TIMEOUT_S, trust_env=False) as client:
            return client.request(method, f"{API_SERVER}{path}", content=body, headers=headers)


def _place(content: dict[str, Any]) -> str:
    """Path of an object."""
    meta = content["metadata"]
    group, _, plural = collection(content["apiVersion"], content["kind"]).rpartition("/")
    namespace = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
    return f"{group}{namespace}/{plural}/{meta['name']}"


def _reason(response: httpx.Response) -> str:
    """Message of a refusal, on one line."""
    try:
        message = str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {response.status_code}"
    return " ".join(message.split())
