"""The real VictoriaLogs as a process, queried by its API."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

from otel_mesh.backends.victoria_logs import OTLP_PATH
from tests.programs.ports import free_port
from tests.programs.program import LoopbackProgram

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_HOST = "127.0.0.1"
_SECONDS = 60


class LoopbackVictoriaLogs(LoopbackProgram):
    """A VictoriaLogs; after a restart it has the same port and data.

    Args:
        program: file of VictoriaLogs.
        arguments: arguments of a deployed one, whose address and folder are replaced.
        folder: folder for data and log.
    """

    def __init__(self, program: Path, arguments: Sequence[str], folder: Path) -> None:
        port = free_port()
        folder.mkdir(exist_ok=True)
        self.data = folder / "data"
        command = [str(program), *on_loopback(arguments, self.data, port)]
        super().__init__(command, port, folder / "victoria-logs.log")
        self.url = f"http://{_HOST}:{port}"
        self.otlp_url = f"{self.url}{OTLP_PATH}"

    def start(self) -> None:
        """Start or restart it and wait until it is ready.

        Raises:
            RuntimeError: as of `LoopbackProgram.start`, or it is not ready after 90 s.
        """
        super().start()
        self.wait_until_ready(f"{self.url}/health")

    def change(self, former: str, argument: str) -> None:
        """Replace an argument for the next start.

        Raises:
            ValueError: it does not have the argument.
        """
        command = list(self._command)
        command[command.index(former)] = argument
        self._command = command

    def get(self, path: str, **query: str) -> str:
        """Body of a response.

        Args:
            path: path of the URL.
            query: query parameters.

        Raises:
            OSError: it does not answer, or not with success.
        """
        return self._ask(urllib.request.Request(f"{self.url}{path}?{urllib.parse.urlencode(query)}"))  # noqa: S310 - loopback

    def push(self, body: bytes, *, findable: bool = True) -> None:
        """Send an OTLP request with log records.

        Args:
            body: encoded request.
            findable: True: queries find the records when this returns; false: within about a second.

        Raises:
            OSError: as of `get`.
        """
        headers = {"Content-Type": "application/x-protobuf"}
        self._ask(urllib.request.Request(self.otlp_url, data=body, headers=headers))  # noqa: S310 - loopback
        if findable:
            self.get("/internal/force_flush")

    def metric(self, name: str, /, **labels: str) -> float:
        """Sum of the series with these labels of one of its own metrics.

        Raises:
            OSError: as of `get`.
        """
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        lines = [line for line in self.get("/metrics").splitlines() if re.match(rf"{name}[{{ ]", line)]
        return sum(float(line.rpartition(" ")[2]) for line in lines if all(one in line for one in wanted))

    def lines(self, query: str) -> list[dict[str, str]]:
        """Fields of each log line that a query finds, oldest first; ``_msg`` is the text.

        Args:
            query: LogsQL query.

        Raises:
            OSError: as of `get`.
        """
        answer = self.get("/select/logsql/query", query=f"{query} | sort by (_time)")
        return [json.loads(line) for line in answer.splitlines()]

    def streams(self, query: str = "*") -> list[str]:
        """Streams of the log lines that a query finds.

        Raises:
            OSError: as of `get`.
        """
        values: list[dict[str, Any]] = json.loads(self.get("/select/logsql/streams", query=query))["values"]
        return [one["value"] for one in values]

    def _ask(self, request: urllib.request.Request) -> str:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - loopback
            text: str = answer.read().decode()
        return text


def on_loopback(arguments: Sequence[str], data: Path, port: int) -> list[str]:
    """Arguments of a deployed one, with a loopback port and another data folder."""
    own = {"-httpListenAddr": f"{_HOST}:{port}", "-storageDataPath": str(data)}
    others = [one for one in arguments if one.partition("=")[0] not in own]
    return [*others, *(f"{name}={value}" for name, value in own.items())]
