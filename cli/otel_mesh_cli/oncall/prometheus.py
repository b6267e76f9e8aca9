"""Prometheus' query API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_cli.oncall.backends import Backend


class Prometheus:
    """Prometheus' query API.

    Args:
        backend: Where Prometheus is.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def samples(self, expression: str) -> list[tuple[Mapping[str, str], float]]:
        """Labels and current values of an expression.

        Raises:
            CommandError: Prometheus does not answer.
        """
        answer = self._backend.json("/api/v1/query", {"query": expression})
        return [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]

    def firing(self) -> list[dict[str, Any]]:
        """Firing alerts as Prometheus describes them: ``labels``, ``annotations``, ``activeAt``.

        Raises:
            CommandError: Prometheus does not answer.
        """
        answer = self._backend.json("/api/v1/alerts", {})
        return [one for one in answer["data"]["alerts"] if one["state"] == "firing"]
