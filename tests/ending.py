"""Processes of one test: whatever fails in it, they are ended, their pipes are closed, and no other test notices."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, AnyStr

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator


@contextmanager
def ending(process: subprocess.Popen[AnyStr]) -> Iterator[subprocess.Popen[AnyStr]]:
    """A process that does not outlive the block, where `with process` would wait for it."""
    with process:
        try:
            yield process
        finally:
            process.kill()
