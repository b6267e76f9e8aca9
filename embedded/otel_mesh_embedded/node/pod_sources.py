"""The embedded node's pods, their events and their logs, read through its own API server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from otel_mesh_cli.core.pod_sources import Kind


class Reader(Protocol):
    """Whoever reads from the API server: :class:`otel_mesh_embedded.node.api.Api`."""

    def get(self, path: str) -> dict[str, Any] | None:
        """An object or a list, or None where there is none."""

    def text(self, path: str) -> str | None:
        """What is no JSON, or None where there is nothing."""


@dataclass(frozen=True)
class OfApi:
    """The embedded node's pods: no program is needed, so looking at the node never provides one."""

    api: Reader

    def listed(self, namespace: str, kind: Kind) -> list[dict[str, Any]]:
        """As of :class:`otel_mesh_cli.core.pod_sources.PodSource`."""
        found = self.api.get(f"/api/v1/namespaces/{namespace}/{kind}")
        if found is None:
            raise CommandError("API server: no answer", remedy="run `make up`")
        items: list[dict[str, Any]] = found["items"]
        return items

    def last_line(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        """As of :class:`otel_mesh_cli.core.pod_sources.PodSource`."""
        query = urlencode({"container": container, "tailLines": 1, "previous": str(previous).lower()})
        return (self.api.text(f"/api/v1/namespaces/{namespace}/pods/{pod}/log?{query}") or "").strip()
