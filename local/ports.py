"""Who listens on a TCP port of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

_PROC = Path("/proc")
_LISTENING = "0A"
_IPV4_DIGITS = 8


@dataclass(frozen=True)
class Listener:
    """A listening socket and its process, as far as /proc tells."""

    port: int
    address: IPv4Address | None
    """None: an IPv6 address, or any address of the machine."""
    pid: int | None
    program: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.program})" if self.pid else "a process that /proc does not show"


def listeners(port: int, address: IPv4Address) -> list[Listener]:
    """Listeners that keep another process from listening on ``address:port``."""
    found = [item for table in ("tcp", "tcp6") for item in _sockets(table, port) if item[1] in (None, address)]
    result = []
    for inode, where in found:
        pid = _holder(inode)
        result.append(Listener(port, where, pid, _program(pid) if pid else ""))
    return result


def _sockets(table: str, port: int) -> list[tuple[str, IPv4Address | None]]:
    try:
        lines = (_PROC / "net" / table).read_text().splitlines()[1:]
    except FileNotFoundError:  # IPv6 is off
        return []
    found: list[tuple[str, IPv4Address | None]] = []
    for line in lines:
        fields = line.split()
        where, _, number = fields[1].rpartition(":")
        if fields[3] == _LISTENING and int(number, 16) == port:
            found.append((f"socket:[{fields[9]}]", _address(where)))
    return found


def _address(digits: str) -> IPv4Address | None:
    """The kernel writes an address as one little-endian number; an IPv6 one may stand for every IPv4 one."""
    if len(digits) != _IPV4_DIGITS:
        return None
    address = IPv4Address(bytes.fromhex(digits)[::-1])
    return None if address == IPv4Address(0) else address


def _holder(inode: str) -> int | None:
    for entry in _PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            if any(str(handle.readlink()) == inode for handle in (entry / "fd").iterdir()):
                return int(entry.name)
        except OSError:  # ended meanwhile, or not ours to look into
            continue
    return None


def _program(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return "gone meanwhile"
