"""Child processes that the kernel ends when this process ends, however it ends: killed by SIGKILL too.

What a bench or a test starts, it starts here: a server that it leaves running would hold ports and memory for ever.
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

# Should the parent end before the kernel has been asked, the child has another parent by now and does not begin.
_UNLESS_ORPHANED = '[ "$PPID" = "$0" ] && exec "$@"'


def start(
    command: Sequence[str | os.PathLike[str]],
    *,
    ending: signal.Signals = signal.SIGKILL,
    **options: Any,  # noqa: ANN401 - Popen's own
) -> subprocess.Popen[Any]:
    """Start a program that does not outlive this process.

    What the program starts in its turn is not included: it has to look after that itself.

    Args:
        command: program and arguments.
        ending: the signal that the kernel sends it when this process ends.
        options: as `subprocess.Popen` takes them.

    Raises:
        OSError: it cannot be started.
    """
    words = [os.fspath(word) for word in command]
    asked = [*prefix(ending), *words]
    # The kernel means the thread that starts the child, not the process: one that lasts has to do it.
    if threading.current_thread() is threading.main_thread():
        process = subprocess.Popen(asked, **options)
    else:
        process = _lasting_thread(os.getpid()).submit(lambda: subprocess.Popen(asked, **options)).result()
    process.args = words  # as messages are to name it
    return process


def prefix(ending: signal.Signals) -> list[str]:
    """Words before a command that is waited for at once, e.g. by `subprocess.run`; `start` puts them there itself.

    util-linux asks the kernel; where that is not installed, a child ends by itself or not at all.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return []
    asked = [setpriv, "--pdeathsig", ending.name.removeprefix("SIG"), "--"]
    return [*asked, "/bin/sh", "-c", _UNLESS_ORPHANED, str(os.getpid())]


@cache
def _lasting_thread(_process: int) -> ThreadPoolExecutor:
    """One per process: a fork has none of its parent's threads."""
    return ThreadPoolExecutor(1, thread_name_prefix="child-processes")
