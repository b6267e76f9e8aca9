"""The real Collector as a process that writes telemetry into files."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from tests.programs.ports import free_port
from tests.programs.program import LoopbackProgram

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SIGNALS = ("traces", "metrics", "logs")


def file_exporters(folder: Path) -> dict[str, Any]:
    """Exporters ``file/traces``, ``file/metrics`` and ``file/logs``, whose files `LoopbackCollector` reads."""
    return {f"file/{name}": {"path": str(folder / f"{name}.json"), "append": True} for name in SIGNALS}


def otlp_receiver(port: int) -> dict[str, Any]:
    """Receiver for OTLP over gRPC on loopback."""
    return {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{port}"}}}}


class LoopbackCollector(LoopbackProgram):
    """A Collector; after a restart it has the same port and files.

    Args:
        program: file of the Collector.
        folder: folder for configuration, files and log.
        configuration: whole configuration; by default OTLP over gRPC into files.
        port: port for OTLP over gRPC in the configuration.
        environment: whole environment; None for that of this process.
    """

    def __init__(
        self,
        program: Path,
        folder: Path,
        configuration: dict[str, Any] | None = None,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        port = port or free_port()
        config = folder / "collector.json"
        config.write_text(json.dumps(configuration or self._into_files(folder, port)))  # JSON is YAML
        super().__init__([str(program), f"--config=file:{config}"], port, folder / "collector.log", environment)
        self.endpoint = f"http://127.0.0.1:{port}"
        self._folder = folder

    @staticmethod
    def _into_files(folder: Path, port: int) -> dict[str, Any]:
        return {
            "receivers": otlp_receiver(port),
            "exporters": file_exporters(folder),
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {name: {"receivers": ["otlp"], "exporters": [f"file/{name}"]} for name in SIGNALS},
            },
        }

    def _batches(self, signal_name: str) -> Iterator[dict[str, Any]]:
        path = self._folder / f"{signal_name}.json"
        # a line that is not finished may end within a character
        for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
            with contextlib.suppress(json.JSONDecodeError):  # not finished yet, or by a killed process
                yield json.loads(line)

    def spans(self) -> list[dict[str, Any]]:
        """Exported spans in OTLP's JSON encoding."""
        return [
            span
            for batch in self._batches("traces")
            for resource in batch.get("resourceSpans", ())
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def points(self, metric: str) -> list[dict[str, Any]]:
        """Exported data points of a metric in OTLP's JSON encoding."""
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
