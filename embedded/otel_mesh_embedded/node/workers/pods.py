"""Stopping pods: with their stop signals while containerd runs, else by killing their processes."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh_cli.core.run import run
from otel_mesh_embedded.node.machine import cgroups
from otel_mesh_embedded.node.waiting import poll
from otel_mesh_embedded.supervision import processes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_embedded.supervision.processes import Process
    from otel_mesh_embedded.supervision.registry import Registry

GRACE = 15.0
"""Seconds between stop signals and SIGKILL, for all containers together."""
_CTR_TIMEOUT_S = 10.0
_KILL_TIMEOUT_S = 10.0
_IS_CONTAINER = 'labels."io.cri-containerd.kind"==container'


@dataclass(frozen=True)
class Pods:
    """The pods that run on the node."""

    registry: Registry
    ctr: tuple[str, ...]
    environment: Mapping[str, str]

    def shims(self) -> list[Process]:
        """Shims: processes started by containerd for each pod, which outlive containerd."""
        return [process for process in self.registry.processes("containerd") if not process.is_main]

    def runtime_answers(self) -> bool:
        """True if containerd answers."""
        return self._ctr("version") is not None

    def stop(self) -> None:
        """End all pods; kubelet must have ended before.

        Each container gets its image's stop signal (PostgreSQL writes its data out), what does not end within the
        grace period is killed.
        """
        running = self._signal_containers() if self.registry.main("containerd") is not None else frozenset()
        if not running:  # nobody knows which process is a container's first, or what signal its image names
            running = cgroups.pods()
            for pid in running:
                _kill(pid, signal.SIGTERM)
        poll(lambda: not running.intersection(cgroups.pods()), GRACE)
        self.kill()

    def kill(self) -> None:
        """Kill the remaining processes of pods at once."""

        def none_left() -> bool:  # a process may start another while we look
            pids = cgroups.pods()
            for pid in pids:
                _kill(pid, signal.SIGKILL)
            return not pids

        poll(none_left, _KILL_TIMEOUT_S)
        processes.end(self.shims(), grace=0)

    def _signal_containers(self) -> frozenset[int]:
        """Send every container its stop signal and return their first processes."""
        names = (self._ctr("containers", "list", "--quiet", _IS_CONTAINER) or "").split()
        tasks = (self._ctr("tasks", "list") or "").splitlines()[1:]
        running = {words[0]: int(words[1]) for words in map(str.split, tasks) if words[0] in names and words[1] != "0"}
        # Without --signal ctr takes the one that the image names.
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(lambda name: self._ctr("tasks", "kill", name), running))
        return frozenset(running.values())

    def _ctr(self, *words: str) -> str | None:
        """Output of ctr; None if it fails, and the caller kills processes instead."""
        done = run([*self.ctr, *words], env=self.environment, timeout=_CTR_TIMEOUT_S)
        return done.stdout if done.ok else None


def _kill(pid: int, number: signal.Signals) -> None:
    """Signal a process read from our cgroup a moment ago; the pidfd is checked against the cgroup once more."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if pid in cgroups.pods():
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)
