"""The real Prometheus as a process, queried by its API."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.programs.ports import free_port
from tests.programs.program import LoopbackProgram

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 60


class LoopbackPrometheus(LoopbackProgram):
    """A Prometheus that receives OTLP over HTTP.

    Args:
        program: file of Prometheus.
        config: configuration file.
        folder: folder for data and log.
    """

    def __init__(self, program: Path, config: Path, folder: Path) -> None:
        port = free_port()
        arguments = [
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-otlp-receiver",
        ]
        super().__init__([str(program), *arguments], port, folder / "prometheus.log")
        self.url = f"http://127.0.0.1:{port}"
        self.otlp_url = f"{self.url}/api/v1/otlp"

    def start(self) -> None:
        """Start or restart it and wait until it answers queries.

        Raises:
            RuntimeError: as of `LoopbackProgram.start`, or it is not ready after 90 s.
        """
        super().start()
        self.wait_until_ready(f"{self.url}/-/ready")

    def ask(self, path: str, **query: str) -> Any:  # noqa: ANN401 - any JSON value
        """Field ``data`` of an API response.

        Args:
            path: path below ``/api/v1``.
            query: query parameters.

        Raises:
            OSError: it does not answer, or not with success.
        """
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(address, timeout=_SECONDS) as answer:  # noqa: S310 - loopback
            return json.load(answer)["data"]

    def series(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and current value of each series of an expression."""
        found = self.ask("query", query=expression)["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]
