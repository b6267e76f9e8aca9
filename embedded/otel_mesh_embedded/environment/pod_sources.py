"""Where pods, their events and their logs are read: by the embedded node's API itself, or by kubectl elsewhere."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import urlencode

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT = 20.0

Kind = Literal["pods", "events"]


class PodSource(Protocol):
    """Who knows the pods of a cluster."""

    def listed(self, namespace: str, kind: Kind) -> list[dict[str, Any]]:
        """Objects of a namespace.

        Raises:
            CommandError: the API server does not answer.
        """

    def last_line(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        """The last line that a container wrote, in this run or the one before; empty where there is none."""


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
        """As of :class:`PodSource`."""
        found = self.api.get(f"/api/v1/namespaces/{namespace}/{kind}")
        if found is None:
            raise CommandError("API server: no answer", remedy="run `make up`")
        items: list[dict[str, Any]] = found["items"]
        return items

    def last_line(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        """As of :class:`PodSource`."""
        query = urlencode({"container": container, "tailLines": 1, "previous": str(previous).lower()})
        return (self.api.text(f"/api/v1/namespaces/{namespace}/pods/{pod}/log?{query}") or "").strip()


@dataclass(frozen=True)
class OfKubectl:
    """Another cluster's pods, asked with the access that the user has.

    Attributes:
        program: kubectl.
        context: of the user's kubeconfig.
    """

    program: str
    context: str

    def listed(self, namespace: str, kind: Kind) -> list[dict[str, Any]]:
        """As of :class:`PodSource`."""
        done = self._run(namespace, "get", kind, "--output=json")
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise CommandError(f"API server: {reason}", remedy="run `make up`")
        items: list[dict[str, Any]] = json.loads(done.stdout)["items"]
        return items

    def last_line(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        """As of :class:`PodSource`."""
        more = ["--previous"] if previous else []
        done = self._run(namespace, "logs", pod, f"--container={container}", "--tail=1", *more)
        return "" if done.returncode else done.stdout.strip()

    def _run(self, namespace: str, *words: str) -> subprocess.CompletedProcess[str]:
        command: Sequence[str] = [self.program, f"--context={self.context}", f"--namespace={namespace}", *words]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 1, "", f"{Path(self.program).name}: no answer in time")
