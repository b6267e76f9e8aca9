"""Processes that the engine of an update started and left behind when it was killed.

The CLI's language host, provider and program are separate processes. A killed CLI leaves them running: the provider
finishes its current request and then never ends. A variable in the environment of each names its update.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import PurePath

_MARK = "OTEL_MESH_UPDATE"
_PROC = Path("/proc")
_END_S = 10.0


def maker() -> str:
    """This process, as `lives` knows it again: its number and its start."""
    return f"{os.getpid()}.{_start(os.getpid())}"


def lives(made_by: str) -> bool:
    """Whether the process that had this `maker` still runs; a later one with the same number does not count."""
    number, _, start = made_by.partition(".")
    return bool(start) and number.isdecimal() and _start(int(number)) == start


def mark(project: PurePath, stack: str) -> dict[str, str]:
    """Environment variable that marks the processes of an update by this process.

    Args:
        project: Project folder of the CLI.
        stack: Name of the stack.
    """
    return {_MARK: f"{maker()}:{stack}:{project}"}


def abandoned(project: PurePath, stack: str) -> list[psutil.Process]:
    """Running processes of updates of a stack whose `otel-mesh up` has ended, and of those by this process."""
    own = mark(project, stack)[_MARK]
    _, _, subject = own.partition(":")
    found = []
    for process in psutil.process_iter():
        try:
            value = process.environ().get(_MARK, "")
        except psutil.Error:  # ended meanwhile, or not ours to look into
            continue
        made_by, _, about = value.partition(":")
        if about == subject and (value == own or not lives(made_by)):
            found.append(process)
    return found


def end_abandoned(project: PurePath, stack: str) -> list[str]:
    """Kill those processes: nobody waits for their results, and the next update must be the only one.

    Returns:
        Names of the processes.
    """
    found = abandoned(project, stack)
    names = []
    for process in found:
        try:
            names.append(process.name())
            process.kill()  # psutil checks that the number was not reused
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(found, timeout=_END_S)
    return names


def _start(pid: int) -> str:
    """Clock ticks from the boot to the start of the process; empty if no process has the number."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state, *fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return "" if state in "ZX" else fields[18]
