"""The real Loki as a process, asked by its API."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.loopback.ports import free_port
from local.loopback.program import LoopbackProgram

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_HOST = "127.0.0.1"
_SECONDS = 10
_READY_SECONDS = 30


@dataclass(frozen=True)
class Line:
    """A log line as Loki returns it.

    Attributes:
        text: of the record.
        labels: of the index together with all that is kept with the line.
    """

    text: str
    labels: Mapping[str, str]


class LoopbackLoki(LoopbackProgram):
    """One Loki; started again it listens on the same port and goes on with the same data.

    Args:
        program: Loki.
        configuration: of a deployed one; addresses and folders are changed to loopback and ``folder``.
        folder: for its configuration, data and log.
    """

    def __init__(self, program: Path, configuration: Mapping[str, Any], folder: Path) -> None:
        port = free_port()
        folder.mkdir(exist_ok=True)
        file = folder / "loki.json"
        file.write_text(json.dumps(on_loopback(configuration, folder / "data", port)))  # JSON is YAML
        super().__init__([str(program), f"-config.file={file}", "-target=all"], port, folder / "loki.log")
        self.url = f"http://{_HOST}:{port}"
        self.otlp_url = f"{self.url}/otlp"

    def start(self) -> None:
        """Start it, again if it was ended, and wait until it is ready.

        Raises:
            RuntimeError: as of `LoopbackProgram.start`, or it is not ready after 30 s.
        """
        super().start()
        end = time.monotonic() + _READY_SECONDS
        while True:
            try:
                self.get("/ready")
            except OSError:
                if time.monotonic() > end:
                    raise RuntimeError(f"{self.url}/ready: not in {_READY_SECONDS} s: {self.log()}") from None
                time.sleep(0.1)
            else:
                return

    def get(self, path: str, **query: str) -> str:
        """What it answers.

        Args:
            path: of the address.
            query: parameters.

        Raises:
            OSError: it does not answer, or not with success.
        """
        return self._ask(urllib.request.Request(f"{self.url}{path}?{urllib.parse.urlencode(query)}"))  # noqa: S310 - loopback

    def metric(self, name: str, **labels: str) -> float:
        """The sum of its own metric's series that have these labels.

        Raises:
            OSError: as of `get`.
        """
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        lines = [line for line in self.get("/metrics").splitlines() if re.match(rf"{name}[{{ ]", line)]
        return sum(float(line.rpartition(" ")[2]) for line in lines if all(one in line for one in wanted))

    def flush(self) -> None:
        """Let it write what it holds in memory to its store.

        Raises:
            OSError: as of `get`.
        """
        self._ask(urllib.request.Request(f"{self.url}/flush", method="POST"))  # noqa: S310 - loopback

    def _ask(self, request: urllib.request.Request) -> str:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - loopback
            text: str = answer.read().decode()
        return text

    def data(self, path: str, **query: str) -> Any:  # noqa: ANN401 - of its API
        """The ``data`` of an answer of its API, of a path below ``/loki/api/v1``.

        Raises:
            OSError: as of `get`.
        """
        return json.loads(self.get(f"/loki/api/v1/{path}", **query))["data"]

    def lines(self, query: str, since: float = 0) -> list[Line]:
        """What a query finds, oldest first.

        Args:
            query: in LogQL, of lines.
            since: seconds since the epoch; by default an hour ago.

        Raises:
            OSError: as of `get`.
        """
        start = since or time.time() - 3600
        found = self.data("query_range", query=query, start=f"{start:.3f}", limit="5000", direction="forward")["result"]
        values = [(value, stream["stream"]) for stream in found for value in stream["values"]]
        return [Line(value[1], labels) for value, labels in sorted(values, key=lambda one: int(one[0][0]))]


def on_loopback(configuration: Mapping[str, Any], data: Path, port: int) -> dict[str, Any]:
    """A deployed Loki's configuration at ports of loopback and with its data in a folder."""
    grpc_port = free_port()
    server = {"http_listen_address": _HOST, "http_listen_port": port, "grpc_listen_port": grpc_port}
    scheduler = {"scheduler_address": f"{_HOST}:{grpc_port}"}
    return {
        **configuration,
        "server": {**configuration["server"], **server},
        "frontend": {**configuration["frontend"], **scheduler},
        "frontend_worker": {**configuration["frontend_worker"], **scheduler},
        "common": {**configuration["common"], "path_prefix": str(data)},
        "storage_config": {**configuration["storage_config"], "filesystem": {"directory": str(data / "chunks")}},
    }
