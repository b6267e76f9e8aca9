"""Making the images that need none of the toolchain's programs while those compile."""

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
    """Have another process make them, where one was never made; leaving waits for it, or on an error ends it.

    What goes wrong there is not an error yet: `making.ensure` meets the same afterwards and says it.
    """
    names = making.without_programs()
    if not names:
        yield
        return
    with child_processes.start(
        [sys.executable, "-m", "otel_mesh_cli", "node", "images", *names],
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
                os.killpg(process.pid, signal.SIGTERM)  # what it started, too: that holds the pipe that is read
            raise
        finally:
            relay.join()


def _relay(process: subprocess.Popen[str]) -> None:
    """Print its lines through this process, whose display may have to make room for them."""
    for line in process.stderr or ():
        if line.startswith("images: "):
            print(line, end="", file=sys.stderr, flush=True)
