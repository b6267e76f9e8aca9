"""Making images without programs of the toolchain while those programs compile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from otel_mesh_cli.core import child_processes
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_embedded.images import making

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def ahead() -> Iterator[None]:
    """Make the images in another process, if one of them was never made.

    Leaving the context waits for that process; an error in the context ends it. Its own errors are not raised:
    `making.make` meets and reports them afterwards.
    """
    names = making.without_programs()
    if not names:
        yield
        return
    with child_processes.start(
        [sys.executable, "-m", "otel_mesh_cli", "node", "images", "build", *names],
        ending=signal.SIGTERM,
        cwd=repo_dir(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        relay = threading.Thread(target=_relay, args=(process,), daemon=True)
        relay.start()
        try:
            yield
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)  # with its children, which hold the pipe open
            raise
        finally:
            relay.join()


def _relay(process: subprocess.Popen[str]) -> None:
    """Print the process's lines through this one, whose display may have to make room for them."""
    for line in process.stderr or ():
        if line.startswith("images: "):
            print(line, end="", file=sys.stderr, flush=True)
