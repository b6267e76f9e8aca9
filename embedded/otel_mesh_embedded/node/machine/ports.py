"""Who listens on TCP ports of this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_PROC = Path("/proc")
_LISTENING = "0A"
_IPV4_DIGITS = 8


@dataclass(frozen=True)
class Listener:
    """A listening socket and its process, as far as /proc tells."""

    address: IPv4Address
    """The address asked for; the socket may listen on every address."""
    port: int
    pid: int | None
    program: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.program})" if self.pid else "a process that /proc does not show"


def listeners(wanted: Iterable[tuple[IPv4Address, int]]) -> list[Listener]:
    """Listeners that keep another process from listening at one of the addresses.

    Args:
        wanted: addresses and ports.
    """
    sockets = [item for table in ("tcp", "tcp6") for item in _sockets(table)]
    found = [
        (address, port, inode)
        for address, port in wanted
        for where, number, inode in sockets
        if number == port and where in (None, address)
    ]
    holders = _holders({inode for _, _, inode in found}) if found else {}
    return [Listener(address, port, *holders.get(inode, (None, ""))) for address, port, inode in found]


def _sockets(table: str) -> list[tuple[IPv4Address | None, int, str]]:
    """Listening sockets: address (None: any, or an IPv6 one, which may stand for any), port, inode."""
    try:
        lines = (_PROC / "net" / table).read_text().splitlines()[1:]
    except FileNotFoundError:  # IPv6 is off
        return []
    rows = (line.split() for line in lines)
    return [
        (_address(row[1].rpartition(":")[0]), int(row[1].rpartition(":")[2], 16), f"socket:[{row[9]}]")
        for row in rows
        if row[3] == _LISTENING
    ]


def _address(digits: str) -> IPv4Address | None:
    """The kernel writes an address as one little-endian number."""
    if len(digits) != _IPV4_DIGITS:
        return None
    address = IPv4Address(bytes.fromhex(digits)[::-1])
    return None if address == IPv4Address(0) else address


def _holders(inodes: set[str]) -> dict[str, tuple[int, str]]:
    """The processes that have the sockets open, and their names."""
    found: dict[str, tuple[int, str]] = {}
    for process in _PROC.iterdir():
        if not process.name.isdecimal():
            continue
        try:
            for handle in (process / "fd").iterdir():
                if (link := os.readlink(handle)) in inodes:  # noqa: PTH115 -- as text: there are thousands of them
                    found.setdefault(link, (int(process.name), (process / "comm").read_text().strip()))
        except OSError:  # ended meanwhile, or not ours to look into
            continue
    return found
