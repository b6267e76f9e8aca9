"""A server process that does not outlive this process."""

from __future__ import annotations

import signal
import socket
import time
import urllib.request
from typing import TYPE_CHECKING, Self

from otel_mesh_cli.core import child_processes

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_START_SECONDS = 90
_STOP_SECONDS = 60
_READY_SECONDS = 90
_ANSWER_SECONDS = 30


class LoopbackProgram:
    """A program that listens on a loopback port while the ``with`` block runs.

    Args:
        command: program and arguments.
        port: port the program listens on.
        log: file that its output is appended to.
        environment: its whole environment; None for that of this process.
    """

    def __init__(
        self, command: Sequence[str], port: int, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.port = port
        self._command = command
        self._log = log
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process ID.

        Raises:
            RuntimeError: the program is not running.
        """
        return self._running().pid

    def log(self) -> str:
        """Output so far."""
        return self._log.read_text() if self._log.exists() else ""

    def start(self) -> None:
        """Start or restart the program and wait until it listens.

        Raises:
            RuntimeError: it ended, or does not listen after 90 s; the message has its output.
        """
        with self._log.open("ab") as log:
            self._process = child_processes.start(self._command, stdout=log, stderr=log, env=self._environment)
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"{self._command[0]} does not listen on {self.port}: {self.log()}") from None
                time.sleep(0.05)
            else:
                return

    def wait_until_ready(self, url: str) -> None:
        """Wait until an address answers with success, as a program may listen before it can answer.

        Raises:
            RuntimeError: it does not within 90 s; the message has the program's output.
        """
        end = time.monotonic() + _READY_SECONDS
        while True:
            try:
                urllib.request.urlopen(url, timeout=_ANSWER_SECONDS).close()  # noqa: S310 - loopback
            except OSError:
                if time.monotonic() > end:
                    raise RuntimeError(f"{url}: not in {_READY_SECONDS} s: {self.log()}") from None
                time.sleep(0.05)
            else:
                return

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; wait for the end of the program if the signal ends it."""
        process = self._running()
        process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            process.wait(_STOP_SECONDS)
            self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{self._command[0]} is not running")
        return self._process

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process is not None:
            self.signal(signal.SIGKILL)
