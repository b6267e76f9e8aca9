"""Programs that listen on TCP ports of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from socket import AF_INET6
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address


@dataclass(frozen=True)
class Listener:
    """A listening socket and its process, as far as /proc shows it."""

    address: IPv4Address
    """Address that was asked for; the socket may listen on every address."""
    port: int
    pid: int | None
    program: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.program})" if self.pid else "a process that /proc does not show"


def listeners(wanted: Iterable[tuple[IPv4Address, int]]) -> list[Listener]:
    """Listeners that keep another process from listening at one of the addresses and ports."""
    # A socket of IPv6 may serve every IPv4 address as well.
    sockets = [
        ("" if one.family == AF_INET6 or one.laddr.ip == "0.0.0.0" else one.laddr.ip, one.laddr.port, one.pid)  # noqa: S104
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr
    ]
    return [
        Listener(address, port, pid, _name(pid))
        for address, port in wanted
        for where, number, pid in sockets
        if number == port and where in ("", str(address))
    ]


def _name(pid: int | None) -> str:
    try:
        return psutil.Process(pid).name() if pid else ""
    except psutil.NoSuchProcess:  # it has ended meanwhile
        return ""
