"""The real Collector as a process, writing what it gets into files."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class RealCollector:
    """One Collector; started again it listens on the same port and goes on with the same files.

    Args:
        program: the Collector.
        folder: for its configuration, files and log.
        configuration: all of it; by default OTLP over gRPC into files.
    """

    def __init__(self, program: Path, folder: Path, configuration: dict[str, Any] | None = None) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._config = folder / "collector.json"  # JSON is YAML
        self._config.write_text(json.dumps(configuration or self._into_files()))
        self._command = [str(program), f"--config=file:{self._config}"]
        self._process: subprocess.Popen[bytes] | None = None

    def _into_files(self) -> dict[str, Any]:
        signals = ("traces", "metrics", "logs")
        return {
            "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{self.port}"}}}},
            "exporters": {f"file/{s}": {"path": str(self._folder / f"{s}.json"), "append": True} for s in signals},
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {s: {"receivers": ["otlp"], "exporters": [f"file/{s}"]} for s in signals},
            },
        }

    def start(self) -> None:
        with (self._folder / "collector.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert time.monotonic() < end, (self._folder / "collector.log").read_text()
                time.sleep(0.05)
            else:
                return

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self._process.wait(20)
            self._process = None

    def _batches(self, signal_name: str) -> Iterator[dict[str, Any]]:
        path = self._folder / f"{signal_name}.json"
        for line in path.read_text().splitlines() if path.exists() else ():
            with contextlib.suppress(json.JSONDecodeError):  # the line that a killed process did not finish
                yield json.loads(line)

    def spans(self) -> list[dict[str, Any]]:
        return [
            span
            for batch in self._batches("traces")
            for resource in batch.get("resourceSpans", ())
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def points(self, metric: str) -> list[dict[str, Any]]:
        return [
            point
            for batch in self._batches("metrics")
            for resource in batch.get("resourceMetrics", ())
            for scope in resource["scopeMetrics"]
            for found in scope["metrics"]
            if found["name"] == metric
            for kind in ("sum", "gauge", "histogram")
            for point in found.get(kind, {}).get("dataPoints", ())
        ]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
