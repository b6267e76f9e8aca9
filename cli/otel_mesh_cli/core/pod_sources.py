"""Where pods, their events and their logs are read; on another cluster by kubectl."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import Done, run

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


@dataclass(frozen=True)
class OfKubectl:
    """Another cluster's pods, read with the user's own access.

    Attributes:
        program: path of kubectl.
        context: context of the user's kubeconfig.
    """

    program: str
    context: str

    def listed(self, namespace: str, kind: Kind) -> list[dict[str, Any]]:
        """As of :class:`PodSource`."""
        done = self._run(namespace, "get", kind, "--output=json")
        if not done.ok:
            raise CommandError(
                f"API server: {done.reason}",
                remedy=f"make `kubectl --context {self.context} get {kind}` work",
            )
        items: list[dict[str, Any]] = json.loads(done.stdout)["items"]
        return items

    def last_line(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        """As of :class:`PodSource`."""
        more = ["--previous"] if previous else []
        done = self._run(namespace, "logs", pod, f"--container={container}", "--tail=1", *more)
        return done.stdout.strip() if done.ok else ""

    def _run(self, namespace: str, *words: str) -> Done:
        command = [self.program, f"--context={self.context}", f"--namespace={namespace}", *words]
        return run(command, timeout=_TIMEOUT)
