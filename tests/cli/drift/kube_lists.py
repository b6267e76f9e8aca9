"""An API server on a loopback port that lists objects, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.stacks.drift import collection
from tests.cli.oncall.kube_api_server import KubeApi

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass
class KubeLists(KubeApi):
    """What a test decides of the server, and what it saw."""

    objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Objects by path of their list."""
    denied: tuple[str, ...] = ()
    """Plurals of kinds that this user may not list."""

    def have(self, objects: Iterable[dict[str, Any]]) -> None:
        """Replace the objects; contents of Secrets are not served."""
        self.objects = {}
        for one in objects:
            path = collection(one["apiVersion"], one["kind"])
            if namespace := one["metadata"].get("namespace"):
                base, plural = path.rsplit("/", 1)
                path = f"{base}/namespaces/{namespace}/{plural}"
            only = {name: one[name] for name in ("apiVersion", "kind", "metadata")} if one["kind"] == "Secret" else one
            self.objects.setdefault(path, []).append(only)

    def answer(self, path: str, authorization: str | None) -> tuple[int, str]:
        """Status and body of a response."""
        self.asked.append(path)
        if authorization != self.authorization:
            return 401, json.dumps({"kind": "Status", "apiVersion": "v1", "code": 401})
        if path.rsplit("/", 1)[1] in self.denied:
            return 403, json.dumps({"kind": "Status", "apiVersion": "v1", "code": 403})
        if path not in self.objects:
            return 404, json.dumps({"kind": "Status", "apiVersion": "v1", "code": 404})
        return 200, json.dumps({"items": self.objects[path]})
