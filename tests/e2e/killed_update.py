"""An update of stack local killed at a chosen point, and the state it leaves."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.stacks import engine_processes, pulumi_cli, recovery
from otel_mesh_embedded.environment.workspace import local

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

STACK = "local"
ENGINE = {
    "the CLI": "pulumi",
    "the provider": "pulumi-resource-kubernetes",
    "the language host": "pulumi-language-python",
}
"""Processes of an update a test can kill separately, by name in the test."""
EVERYTHING = "everything"
_LOOK_S = 0.02
_LONGEST_S = 600.0


def command(changes: Mapping[str, Any], *words: str) -> tuple[str, ...]:
    """`python -m otel_mesh_cli WORDS` with changed settings."""
    return (sys.executable, "-m", "tests.e2e.changed_stack", json.dumps(changes), *words)


def events() -> list[str]:
    """The event log of the newest update, one event per line."""
    log = local().logs / f"pulumi-{STACK}.log"
    return [line.strip() for line in log.read_text().splitlines() if line.strip().startswith(("+", "~", "-"))]


@dataclass(frozen=True)
class Length:
    """Length of a complete update."""

    seconds: float
    events: int


@dataclass(frozen=True)
class Point:
    """The point at which an update is killed, as a fraction of its length."""

    part: float
    by_events: bool
    victim: str

    def reached(self, length: Length | None, seconds: float) -> bool:
        """True if an update has reached the point after this many seconds."""
        assert length is not None
        if self.by_events:
            return len(events()) >= self.part * length.events
        return seconds >= self.part * length.seconds

    def __str__(self) -> str:
        return f"{self.victim} at {self.part:.0%} of its {'events' if self.by_events else 'time'}"


@dataclass(frozen=True)
class Awaited:
    """The point at which an object is in the cluster and the provider waits until it is ready."""

    place: str
    """Kind and name."""
    victim: str

    def reached(self, _length: Length | None, _seconds: float) -> bool:
        """True if the provider has told what it waits for."""
        return any(re.search(rf":{self.place} creating \(\d+s\) \S", line) for line in events())


@dataclass(frozen=True)
class Killed:
    """Observations of a killed update."""

    seconds: float
    """Seconds since the start of the CLI."""
    ended: bool
    """True if the update had already ended."""
    last_event: str
    pending: tuple[str, ...]
    """Pending operations in the state."""


def _engine(process: psutil.Process, name: str = "") -> list[psutil.Process]:
    """Processes that an update has started: all, or those of a program; there are two providers."""
    with suppress(psutil.Error):
        return [one for one in process.children(recursive=True) if not name or one.name()[:15] == name[:15]]
    return []


def run(changes: Mapping[str, Any], point: Point | Awaited | None = None, length: Length | None = None) -> Killed:
    """Run `make up`, kill the process named by the point when it is reached, and wait for the end of `make up`."""
    with subprocess.Popen(
        command(changes, "up"), cwd=repo_dir(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as up:
        process = psutil.Process(up.pid)
        end = time.monotonic() + _LONGEST_S
        while not _engine(process, ENGINE["the CLI"]) and up.poll() is None:
            assert time.monotonic() < end
            time.sleep(_LOOK_S)
        started = time.monotonic()
        cli = next(iter(_engine(process, ENGINE["the CLI"])), None)
        while cli is not None and cli.is_running() and cli.status() != psutil.STATUS_ZOMBIE:
            seconds = time.monotonic() - started
            if point and point.reached(length, seconds) and _kill(process, point.victim):
                break
            assert time.monotonic() < end
            time.sleep(_LOOK_S)
        seconds = time.monotonic() - started
        output, _ = up.communicate(timeout=_LONGEST_S)
        if point is None:
            assert up.returncode == 0, output
    said = events()
    return Killed(seconds, up.returncode == 0, said[-1] if said else "nothing yet", pending())


def _kill(process: psutil.Process, victim: str) -> bool:
    """Kill a process of the update with SIGKILL; False if it has not started yet."""
    victims = [process, *_engine(process)] if victim == EVERYTHING else _engine(process, ENGINE[victim])
    for one in victims:
        with suppress(psutil.NoSuchProcess):
            one.send_signal(signal.SIGKILL)
    return bool(victims)


def state() -> dict[str, Any]:
    """The newest state in the backend; it and its predecessor must be complete at any moment."""
    folder = _backend() / "stacks" / pulumi_cli.project_name()
    backup = folder / f"{STACK}.json.bak"
    if backup.exists():
        json.loads(backup.read_text())
    content: dict[str, Any] = json.loads((folder / f"{STACK}.json").read_text())["checkpoint"]["latest"]
    return content


def _backend() -> Path:
    backend = local().backend
    assert backend is not None
    return backend / ".pulumi"


def pending() -> tuple[str, ...]:
    """The unfinished operations in the state, in words."""
    return tuple(map(recovery.describe, state().get("pending_operations") or []))


def residue() -> list[str]:
    """Locks, incomplete files and processes left by an update; empty after a clean end."""
    found = [f"lock {path.name}" for path in (_backend() / "locks").rglob("*") if path.is_file()]
    found += [f"file {path.name}" for path in _backend().rglob("*.tmp")]
    project = local().project
    return found + [f"process {one.pid} {one.name()}" for one in engine_processes.abandoned(project, STACK)]


def known_objects() -> dict[str, str]:
    """UIDs of the objects in the state, by kind, namespace and name."""
    found: dict[str, str] = {}
    for resource in state()["resources"]:
        if resource["custom"] and resource["type"].startswith("kubernetes:"):  # not the charts themselves
            live = resource["outputs"]
            place = _place(live)
            assert place not in found, f"{place} is in the state twice"
            found[place] = live["metadata"]["uid"]
    return found


def cluster_objects(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """UIDs of the items of `kubectl get -o json` without those created by controllers, by kind, namespace and name."""
    return {
        _place(item): item["metadata"]["uid"]
        for item in items
        if not item["metadata"].get("ownerReferences") and item["kind"] not in ("ComponentStatus", "Endpoints", "Pod")
    }


def _place(item: Mapping[str, Any]) -> str:
    metadata = item["metadata"]
    return f"{item['kind']} {metadata.get('namespace', '')}/{metadata['name']}"
