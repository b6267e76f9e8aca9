"""Programs that listen on TCP ports of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from socket import AF_INET6
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from ipaddress import IPv4Address


@dataclass(frozen=True)
class PortUse:
    """A listener on an address and port of ours."""

    address: IPv4Address
    """Address that is ours; the socket may listen on every address."""
    port: int
    wanted_by: str
    holder: str
    """Process that listens, as far as /proc shows it."""


def taken(wanted: Iterable[tuple[IPv4Address, int, str]], mine: Collection[int] = ()) -> list[PortUse]:
    """Listeners that keep another process from listening at one of the addresses and ports.

    Args:
        wanted: Address, port, and name of what is to listen there.
        mine: Numbers of processes that may listen there.
    """
    # A socket of IPv6 may serve every IPv4 address as well.
    sockets = [
        ("" if one.family == AF_INET6 or one.laddr.ip == "0.0.0.0" else one.laddr.ip, one.laddr.port, one.pid)  # noqa: S104
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr and one.pid not in mine
    ]
    return [
        PortUse(address, port, name, f"process {pid} ({_name(pid)})" if pid else "a process that /proc does not show")
        for address, port, name in wanted
        for where, number, pid in sockets
        if number == port and where in ("", str(address))
    ]


def _name(pid: int) -> str:
    try:
        return psutil.Process(pid).name()
    except psutil.NoSuchProcess:  # it has ended meanwhile
        return ""
