"""Free loopback ports."""

from __future__ import annotations

import errno
import itertools
import os
import random
import socket

_FIRST, _LAST = 20_000, 29_999
"""Range below the kernel's ephemeral ports: a connection could take one of those before the program listens."""
_OWN = 100
"""Ports per process, so that two processes never find the same one."""

_taken = itertools.count(random.randrange(_OWN))  # noqa: S311 - spreads them, protects nothing


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free now and was not returned recently.

    Raises:
        OSError: all ports of this process are in use.
    """
    first = _FIRST + os.getpid() * _OWN % (_LAST + 1 - _FIRST)
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
