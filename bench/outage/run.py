"""Phases of load with different states of the Collector, in one process of the service."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import psutil

from bench.outage.load import Load, load
from tests.programs.ports import free_port
from tests.programs.program import LoopbackProgram

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.programs.collector import LoopbackCollector

State = Literal["up", "gone", "stalled"]
RATE = 200.0
"""Requests per second."""

_LEAVE = {"gone": signal.SIGKILL, "stalled": signal.SIGSTOP}


@dataclass(frozen=True)
class Phase:
    """Measurements during one state of the Collector.

    Attributes:
        state: State of the Collector.
        began: Start in nanoseconds since the Unix epoch.
        load: Measured requests.
        settling: Requests sent before the measurement, while the state takes effect.
        memory: Resident memory of the service in bytes at the end of the phase.
        cpu: CPU seconds of the service during the measurement.
    """

    state: State
    began: int
    load: Load
    settling: Load
    memory: int
    cpu: float


@contextmanager
def service(collector: LoopbackCollector, folder: Path, settings: Mapping[str, str]) -> Iterator[LoopbackProgram]:
    """A running service that exports to the Collector; ended by SIGTERM, so that it flushes."""
    base = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    environment = {
        **base,
        "OTEL_SERVICE_NAME": "outage",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        **settings,
    }
    port = free_port()
    command = [sys.executable, "-m", "bench.outage.service", str(port)]
    with LoopbackProgram(command, port, folder / "service.log", environment) as running:
        yield running
        running.signal(signal.SIGTERM)


def phases(  # noqa: PLR0913 - three are by name
    collector: LoopbackCollector,
    folder: Path,
    states: Sequence[State],
    *,
    measure: float,
    settle: float,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Phase]:
    """Runs the load in each state in turn.

    Args:
        collector: A running Collector.
        folder: Folder for the log of the service.
        states: States of the Collector; "up" is required between two outages.
        measure: Measured seconds of load per state.
        settle: Seconds of load before the measurement, while exports of the previous state finish.
        settings: Environment variables of the service.
    """
    with service(collector, folder, settings or {}) as running:
        process = psutil.Process(running.pid)
        now: State = "up"
        for state in states:
            began = time.time_ns()
            _bring(collector, now, state)
            now = state
            settling = asyncio.run(load(running.port, RATE, settle))
            cpu = _cpu(process)
            measured = asyncio.run(load(running.port, RATE, measure))
            yield Phase(state, began, measured, settling, process.memory_info().rss, _cpu(process) - cpu)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _bring(collector: LoopbackCollector, now: State, state: State) -> None:
    if state in _LEAVE:
        collector.signal(_LEAVE[state])
    elif now == "gone":
        collector.start()
    elif now == "stalled":
        collector.signal(signal.SIGCONT)


def dropped(collector: LoopbackCollector) -> dict[str, int]:
    """Spans lost according to the service's metrics: `queue` for a full queue, `export` for failed exports."""
    lost = {"queue": "otel.sdk.processor.span.processed", "export": "otel.sdk.exporter.span.exported"}
    return {why: sum(_by_error(collector, metric).values()) for why, metric in lost.items()}


def _by_error(collector: LoopbackCollector, metric: str) -> dict[str, int]:
    """The latest count of each ``error.type`` of a metric."""
    found: dict[str, int] = {}
    for point in collector.points(metric):
        attributes = {one["key"]: one["value"].get("stringValue", "") for one in point["attributes"]}
        if (error := attributes.get("error.type")) is not None:
            found[error] = max(found.get(error, 0), int(point["asInt"]))
    return found
