"""Waiting for conditions, and for programs that must stay alive meanwhile."""

from __future__ import annotations

import socket
import struct
import time
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from ipaddress import IPv4Address

    from otel_mesh_embedded.supervision.registry import Registry

POLL = 0.1
DNS_PORT = 53
_LOOK_AT_PROGRAMS = 10  # every so many polls
_RCODE = 0x0F


def poll(is_there: Callable[[], bool], timeout: float, *, every: float = POLL) -> bool:
    """Wait until a condition holds; True if it did within ``timeout`` seconds.

    Not stamina: what is waited for is a state, not a call that raises, and nobody wants it logged ten times a second.
    """
    deadline = time.monotonic() + timeout
    while not (found := is_there()) and time.monotonic() < deadline:
        time.sleep(every)
    return found


def until(what: str, is_there: Callable[[], bool], registry: Registry, needs: Sequence[str], *, timeout: float) -> None:
    """Wait until a condition holds, as long as the programs that it depends on run.

    Args:
        what: Name for the message.
        is_there: Condition, evaluated ten times a second.
        registry: Programs of the node.
        needs: Programs that must run for it; waiting stops if one has ended.
        timeout: seconds.

    Raises:
        CommandError: a program has ended, or the time is up.
    """
    deadline = time.monotonic() + timeout
    polls = 0
    while not is_there():
        if polls % _LOOK_AT_PROGRAMS == 0:
            for name in needs:
                registry.require_alive(name)
        if time.monotonic() > deadline:
            raise CommandError(
                f"{what}: not there after {timeout:.0f} s; {needs[-1]} says: {registry.last_line(needs[-1])}",
                remedy="see the log, then run `otel-mesh up` again",
                log=registry.log(needs[-1]),
            )
        polls += 1
        time.sleep(POLL)


def dns_answers(server: IPv4Address, name: str, timeout: float = 1.0) -> bool:
    """True if a DNS server has an address for a name."""
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    query = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + question + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.sendto(query, (str(server), DNS_PORT))
            answer = connection.recv(512)
        except OSError:
            return False
    flags, answers = int.from_bytes(answer[2:4]), int.from_bytes(answer[6:8])
    return flags & _RCODE == 0 and answers > 0
