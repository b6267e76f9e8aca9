"""Small talk with the API server while the node comes up: one connection, no program started per question."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.node import credentials
from local.node.layout import API_PORT, NODE_ADDRESS

if TYPE_CHECKING:
    from local.node.layout import Layout

_TIMEOUT = 5.0
_OK = 200


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

    def _get(self, path: str) -> bytes | None:
        try:
            context = ssl.create_default_context(cafile=credentials.authority(self.layout, credentials.CLUSTER))
            context.load_cert_chain(
                credentials.certificate(self.layout, credentials.ADMIN), credentials.key(self.layout, credentials.ADMIN)
            )
            connection = http.client.HTTPSConnection(str(NODE_ADDRESS), API_PORT, timeout=_TIMEOUT, context=context)
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                body = response.read()
            finally:
                connection.close()
        except (OSError, http.client.HTTPException):
            return None
        return body if response.status == _OK else None
