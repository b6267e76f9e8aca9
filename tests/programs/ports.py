"""Free loopback ports."""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import random
import socket
import tempfile
from functools import cache
from pathlib import Path

_FIRST, _LAST = 20_000, 29_999
"""Range below the kernel's ephemeral ports: a connection could take one of those before the program listens."""
_OWN = 100
"""Ports per process, so that two processes never find the same one."""

_taken = itertools.count(random.randrange(_OWN))  # noqa: S311 - spreads them, protects nothing


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free now, was not returned recently, and is returned to no other process.

    Raises:
        OSError: all ports of this process are in use, or there are too many processes.
    """
    first = _first_own(os.getpid())
    for number in itertools.islice(_taken, _OWN):
        port = first + number % _OWN
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT do not matter
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
        return port
    raise OSError(errno.EADDRINUSE, f"all ports from {first} to {first + _OWN - 1} are in use")


@cache
def _first_own(pid: int) -> int:
    """First port of those that belong to this process; the lock on a file says so until its end."""
    folder = Path(tempfile.gettempdir()) / f"otel-mesh-ports-{os.geteuid()}"
    folder.mkdir(exist_ok=True)
    blocks = range(_FIRST, _LAST, _OWN)
    for number in range(len(blocks)):
        first = blocks[(pid + number) % len(blocks)]
        lock = os.open(folder / str(first), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return first
    raise OSError(errno.EADDRINUSE, f"all ports from {_FIRST} to {_LAST} belong to other processes")
