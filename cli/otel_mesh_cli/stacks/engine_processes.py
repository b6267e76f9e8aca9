"""What the engine of an update started, found again after the engine was killed.

The CLI's language host, provider and program are processes of their own. A killed CLI leaves them behind: the provider
finishes the request it was at and stays for ever. Each carries in its environment which update it belongs to.
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


def mark(project: PurePath, stack: str) -> dict[str, str]:
    """The variable by which the processes of this process's update are found again.

    Args:
        project: the CLI's project folder.
        stack: the stack that is updated.
    """
    return {_MARK: f"{os.getpid()}.{_start(os.getpid())}:{stack}:{project}"}


def abandoned(project: PurePath, stack: str) -> list[psutil.Process]:
    """The living processes of updates of a stack whose `make up` is no more, and of those of this process."""
    own = mark(project, stack)[_MARK]
    _, _, subject = own.partition(":")
    found = []
    for process in psutil.process_iter():
        try:
            value = process.environ().get(_MARK, "")
        except psutil.Error:  # ended meanwhile, or not ours to look into
            continue
        maker, _, about = value.partition(":")
        if about == subject and (value == own or not _lives(maker)):
            found.append(process)
    return found


def end_abandoned(project: PurePath, stack: str) -> list[str]:
    """End those processes at once: nobody waits for what they do, and the next update must be alone.

    Returns:
        Their names.
    """
    found = abandoned(project, stack)
    names = []
    for process in found:
        try:
            names.append(process.name())
            process.kill()  # psutil looks whether the number is still that of this process
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(found, timeout=_END_S)
    return names


def _lives(maker: str) -> bool:
    number, _, start = maker.partition(".")
    return number.isdecimal() and _start(int(number)) == start


def _start(pid: int) -> str:
    """Clock ticks between the machine's start and the process's; empty when there is none of that number."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state, *fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return "" if state in "ZX" else fields[18]
