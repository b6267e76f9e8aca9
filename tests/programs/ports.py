"""Ports of loopback."""

from __future__ import annotations

import errno
import itertools
import os
import random
import socket

_FIRST, _LAST = 20_000, 29_999
"""Below those that the kernel gives to connections, which could take a port before its program listens."""
_OWN = 100
"""Ports of one process: two that look at the same time do not find the same one."""

_taken = itertools.count(random.randrange(_OWN))  # noqa: S311 - spreads them, protects nothing


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at the moment, and that was not given a while ago.

    Raises:
        OSError: all of this process's are listened on.
    """
    first = _FIRST + os.getpid() * _OWN % (_LAST + 1 - _FIRST)
    for number in itertools.islice(_taken, _OWN):
        port = first + number % _OWN
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what a former listener left does not matter
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
        return port
    raise OSError(errno.EADDRINUSE, f"all ports from {first} to {first + _OWN - 1} are listened on")
