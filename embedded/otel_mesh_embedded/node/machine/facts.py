"""Facts about this machine, gathered once for `otel_mesh_embedded.node.machine.preflight`."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from otel_mesh_cli.core import files
from otel_mesh_cli.core.run import run
from otel_mesh_embedded.node.layout import BRIDGE, LISTENERS, Layout
from otel_mesh_embedded.node.machine import memory, ports, state_folder
from otel_mesh_embedded.node.network import ranges
from otel_mesh_embedded.pki import credentials
from otel_mesh_embedded.supervision import processes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh_embedded.node.machine.ports import PortUse
    from otel_mesh_embedded.node.network.ranges import Ranges

_MODULES = {"overlay": "overlayfs", "br_netfilter": "bridge", "veth": "veth", "nf_conntrack": "connection tracking"}
_KERNEL_KEEPS = {
    "br_netfilter": Path("/proc/sys/net/bridge"),
    "nf_conntrack": Path("/proc/sys/net/netfilter"),
}


@dataclass(frozen=True)
class Facts:
    """Properties of this machine that the node depends on."""

    system: str = "Linux"
    uid: int = 0
    missing_features: tuple[str, ...] = ()
    missing_programs: tuple[str, ...] = ()
    memory_free: int = 0
    """Memory available to programs, in bytes."""
    disk_free: int = 0
    """Free disk space of the state folder, in bytes."""
    state_on: str = "ext4"
    """File system type of the state folder."""
    state: Path = Path("/")
    untrusted: str = ""
    """Reason why root must not run programs from the state folder; empty if there is none."""
    taken_ports: tuple[PortUse, ...] = ()
    routes: tuple[tuple[IPv4Network, str], ...] = field(default=())
    """Routes of other interfaces: destination, interface."""
    recorded_ranges: Ranges | None = None
    """Address ranges of the environment in the state folder."""
    has_other_ranges: bool = False
    """True if an environment exists whose address ranges were never recorded."""
    other_states: tuple[Path, ...] = ()
    """State folders of other running otel-mesh environments."""
    other_kube_proxy: str | None = None
    """Another Kubernetes' kube-proxy or k3s in this network namespace, as ``process 12 (k3s)``."""
    is_running: bool = False
    """True if this environment runs already, and so has its memory and disk."""


def gather(layout: Layout, forwards: Iterable[tuple[int, str]] = ()) -> Facts:
    """Gather the facts; nothing is changed, except that missing kernel modules are loaded.

    Args:
        layout: Paths of the environment, which need not exist.
        forwards: Loopback ports that are used later, with their names.
    """
    system = platform.system()
    if system != "Linux":
        return Facts(system=system)
    ours = processes.scan()
    mine = {process.pid for process in ours if process.state == layout.root}
    recorded = ranges.recorded(layout.networks)
    existing = files.nearest(layout.state)
    wanted = [*LISTENERS, *((IPv4Address("127.0.0.1"), port, name) for port, name in forwards)]
    return Facts(
        system=system,
        uid=os.geteuid(),
        missing_features=tuple(_missing_features()),
        missing_programs=tuple(name for name in ("mount", "umount") if shutil.which(name) is None),
        memory_free=memory.available(),
        disk_free=shutil.disk_usage(existing).free,
        state_on=_file_system(existing),
        state=layout.state,
        untrusted=state_folder.untrusted(layout),
        taken_ports=tuple(ports.taken(wanted, mine)),
        routes=tuple(routes()),
        recorded_ranges=recorded,
        has_other_ranges=recorded is None and credentials.authority(layout, credentials.CLUSTER).exists(),
        other_states=tuple(sorted({process.state.parent for process in ours if process.state != layout.root})),
        other_kube_proxy=_other_kube_proxy({process.pid for process in ours}),
        is_running=bool(mine),
    )


def _missing_features() -> list[str]:
    return [feature for module, feature in _MODULES.items() if not _has(module) and not _load(module)]


def _has(module: str) -> bool:
    if module == "overlay":
        return "\toverlay" in Path("/proc/filesystems").read_text()
    if module in _KERNEL_KEEPS:
        return _KERNEL_KEEPS[module].is_dir()
    return (Path("/sys/module") / module).is_dir() or _is_built_in(module)


def _is_built_in(module: str) -> bool:
    listing = Path("/lib/modules") / platform.release() / "modules.builtin"
    if not listing.exists():
        return not Path("/proc/modules").exists()  # a kernel without modules: making the link tells
    return f"/{module}.ko" in listing.read_text()


def _load(module: str) -> bool:
    program = shutil.which("modprobe", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None or os.geteuid() != 0:
        return False
    run([program, module])
    return _has(module)


def _file_system(folder: Path) -> str:
    best, kind = "", "unknown"
    for partition in psutil.disk_partitions(all=True):
        if folder.is_relative_to(partition.mountpoint) and len(partition.mountpoint) >= len(best):
            best, kind = partition.mountpoint, partition.fstype
    return kind


def routes(table: str | None = None) -> list[tuple[IPv4Network, str]]:
    """The main routing table, without our own interface; tests give the text of ``/proc/net/route``."""
    lines = (table if table is not None else Path("/proc/net/route").read_text()).splitlines()[1:]
    rows = (line.split() for line in lines)
    routes = (
        (IPv4Network((int.from_bytes(bytes.fromhex(row[1]), "little"), int(row[7], 16).bit_count())), row[0])
        for row in rows
    )
    return [(network, interface) for network, interface in routes if network.prefixlen and interface != BRIDGE]


def _other_kube_proxy(ours: set[int]) -> str | None:
    """Another kube-proxy in this network namespace, which would write chains of the same names."""
    network = Path("/proc/self/ns/net").readlink()
    for process in psutil.process_iter(["name"]):
        name = process.info["name"]
        if process.pid in ours or name not in ("kube-proxy", "k3s", "k3s-server", "kubelite", "rke2"):
            continue
        try:
            if Path(f"/proc/{process.pid}/ns/net").readlink() == network:
                return f"process {process.pid} ({name})"
        except OSError:
            continue
    return None
