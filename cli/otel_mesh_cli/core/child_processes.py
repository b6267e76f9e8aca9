"""Child processes that the kernel ends when this process ends, even by SIGKILL.

Benches and tests start their servers here: one that is left running would keep its ports and memory.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

# If the parent has ended before the kernel was asked, the child has another parent and does not start.
_UNLESS_ORPHANED = '[ "$PPID" = "$0" ] && exec "$@"'


def start(
    command: Sequence[str | os.PathLike[str]],
    *,
    ending: signal.Signals = signal.SIGKILL,
    **options: Any,  # noqa: ANN401 - Popen's own
) -> subprocess.Popen[Any]:
    """Start a program that does not outlive this process.

    Its own child processes are not included.

    Args:
        command: Program and arguments.
        ending: Signal that the kernel sends when this process ends.
        options: Options of `subprocess.Popen`.

    Raises:
        OSError: The program cannot be started.
    """
    words = [os.fspath(word) for word in command]
    asked = [*prefix(ending), *words]
    # The signal follows the end of the thread that started the child, so a lasting thread has to start it.
    if threading.current_thread() is threading.main_thread():
        process = subprocess.Popen(asked, **options)
    else:
        process = _lasting_thread(os.getpid()).submit(lambda: subprocess.Popen(asked, **options)).result()
    process.args = words  # for messages
    return process


def prefix(ending: signal.Signals) -> list[str]:
    """Words to put before a command that ends with this process; `start` adds them itself.

    They need setpriv of util-linux; without it there are none, and the child may outlive this process.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return []
    asked = [setpriv, "--pdeathsig", ending.name.removeprefix("SIG"), "--"]
    return [*asked, "/bin/sh", "-c", _UNLESS_ORPHANED, str(os.getpid())]


@cache
def _lasting_thread(_process: int) -> ThreadPoolExecutor:
    """One per process, as a fork does not inherit threads."""
    return ThreadPoolExecutor(1, thread_name_prefix="child-processes")
