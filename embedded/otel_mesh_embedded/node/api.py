"""Small talk with the API server while the node comes up: one connection, no program started per question."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.layout import API_PORT, NODE_ADDRESS
from otel_mesh_embedded.pki import credentials

if TYPE_CHECKING:
    from otel_mesh_embedded.node.layout import Layout

_TIMEOUT = 5.0


@dataclass(frozen=True)
class Api:
    """The API server as the cluster's administrator sees it."""

    layout: Layout

    def is_ready(self) -> bool:
        """Whether it serves requests."""
        return self._get("/readyz") is not None

    def get(self, path: str) -> dict[str, Any] | None:
        """An object or a list, or None: not there, or no answer."""
        body = self._get(path)
        if body is None:
            return None
        parsed: dict[str, Any] = json.loads(body)
        return parsed

    def text(self, path: str) -> str | None:
        """What is no JSON, such as a log, or None: not there, or no answer."""
        body = self._get(path)
        return None if body is None else body.decode(errors="replace")

    def delete(self, path: str) -> None:
        """Delete an object; one that is not there counts as deleted.

        Raises:
            CommandError: the API server refuses, or does not answer.
        """
        self._change("DELETE", path, None, {HTTPStatus.NOT_FOUND})

    def replace(self, path: str, content: dict[str, Any]) -> bool:
        """Write an object as it was read.

        Returns:
            Whether it was written: False when someone else changed or deleted it meanwhile.

        Raises:
            CommandError: the API server refuses, or does not answer.
        """
        changed_meanwhile = {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
        return self._change("PUT", path, json.dumps(content), changed_meanwhile) not in changed_meanwhile

    def merge(self, path: str, content: dict[str, Any]) -> None:
        """Change some fields of an object; one that is not there stays away.

        Raises:
            CommandError: the API server refuses, or does not answer.
        """
        self._change("PATCH", path, json.dumps(content), {HTTPStatus.NOT_FOUND})

    def _change(self, method: str, path: str, body: str | None, accepted: set[HTTPStatus]) -> int:
        try:
            code, answer = self._send(method, path, body)
        except (OSError, http.client.HTTPException) as error:
            raise CommandError(f"{method} {path}: {error}", remedy="run `make up` again") from error
        if code not in {HTTPStatus.OK, HTTPStatus.ACCEPTED, *accepted}:
            raise CommandError(f"{method} {path}: {_reason(code, answer)}", remedy="run `make up` again")
        return code

    def _get(self, path: str) -> bytes | None:
        try:
            code, body = self._send("GET", path, None)
        except (OSError, http.client.HTTPException):
            return None
        return body if code == HTTPStatus.OK else None

    def _send(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        context = ssl.create_default_context(cafile=credentials.authority(self.layout, credentials.CLUSTER))
        context.load_cert_chain(
            credentials.certificate(self.layout, credentials.ADMIN), credentials.key(self.layout, credentials.ADMIN)
        )
        connection = http.client.HTTPSConnection(str(NODE_ADDRESS), API_PORT, timeout=_TIMEOUT, context=context)
        try:
            kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
            connection.request(method, path, body, {"Content-Type": kind} if body else {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def _reason(code: int, answer: bytes) -> str:
    """What the API server says of a refusal, on one line."""
    try:
        message = str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {code}"
    return " ".join(message.split())
