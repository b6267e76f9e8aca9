"""Remains of dead pods and programs on the machine: mounts, sockets, links, leases."""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core.run import run
from otel_mesh_embedded.node.layout import CNI_NETWORK

if TYPE_CHECKING:
    from otel_mesh_embedded.node.layout import Layout

# Folders that the programs' sources name, whatever their configuration says.
_SHIM_SOCKETS = Path("/run/containerd/s")
_CNI_CACHE = Path("/var/lib/cni/results")
_LOG_LINKS = Path("/var/log/containers")
_DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
# The chart of Istio's network agent names this folder, whatever its values say.
_MESH_AGENT = Path("/run/istio-cni")
_MESH_FILES = ("istio-cni-kubeconfig", "istio-cni.log", "log.sock", "pluginevent.sock")
_DEVICE_FILES = ("kubelet.sock", "kubelet_internal_checkpoint", "DEPRECATION")


def mounts(layout: Layout, mountinfo: str | None = None) -> list[str]:
    """Mount points below the state folder, the innermost first; tests give the text of ``/proc/self/mountinfo``."""
    text = mountinfo if mountinfo is not None else Path("/proc/self/mountinfo").read_text()
    points = (_unescaped(line.split()[4]) for line in text.splitlines())
    return [point for point in points if Path(point).is_relative_to(layout.state)][::-1]


def sweep(layout: Layout) -> None:
    """Remove the remains of dead pods; only while no pod and no containerd runs.

    containerd and kubelet recover from missing files as after a reboot, but not always from stale ones.
    """
    unmount(layout)
    for address in (layout.containerd_state / "io.containerd.runtime.v2.task").glob("*/*/address"):
        path = Path(address.read_text().strip().removeprefix("unix://"))
        if path.parent == _SHIM_SOCKETS:
            path.unlink(missing_ok=True)
    shutil.rmtree(layout.containerd_state, ignore_errors=True)
    layout.containerd_state.mkdir(mode=0o700, exist_ok=True)
    for lease in layout.cni_leases.glob("*/*"):
        lease.unlink(missing_ok=True)
    for result in _cni_results(layout):
        result.unlink(missing_ok=True)


def unmount(layout: Layout) -> None:
    """Undo every mount below the state folder, including stacked ones."""
    for _ in range(10):
        points = mounts(layout)
        if not points:
            return
        run(["umount", "--lazy", *points])


def tidy(layout: Layout) -> None:
    """Remove the files of the stopped node in folders shared with other programs."""
    for link in _links(layout):
        link.unlink(missing_ok=True)
    for path in _sockets(_SHIM_SOCKETS, served=False):
        path.unlink(missing_ok=True)
    for path in [*_deserted(_DEVICE_PLUGINS, _DEVICE_FILES), *_deserted(_MESH_AGENT, _MESH_FILES)]:
        path.unlink(missing_ok=True)
    for folder in (_SHIM_SOCKETS, _CNI_CACHE, _LOG_LINKS, _DEVICE_PLUGINS, _MESH_AGENT):
        _remove_empty(folder)


def leftovers(layout: Layout) -> list[str]:
    """Remains of this node: mounts, and files in folders shared with other programs."""
    found = [f"mount {point}" for point in mounts(layout)]
    found += [f"file {path}" for path in _cni_results(layout)]
    found += [f"file {path}" for path in _deserted(_MESH_AGENT, _MESH_FILES)]
    return found + [f"link {path}" for path in _links(layout)]


def _cni_results(layout: Layout) -> list[Path]:
    """CNI result files of this node's pods: of its network, and of every pod's loopback interface."""
    pods = (layout.containerd / "io.containerd.grpc.v1.cri" / "sandboxes").glob("*")
    loopback = (_CNI_CACHE / f"cni-loopback-{pod.name}-lo" for pod in pods)
    return [*_CNI_CACHE.glob(f"{CNI_NETWORK}-*"), *(path for path in loopback if path.exists())]


def _deserted(folder: Path, names: tuple[str, ...]) -> list[Path]:
    """Files of a kubelet or a mesh's agent; none while another cluster's serves a socket in the folder."""
    return [] if _sockets(folder, served=True) else [path for name in names if (path := folder / name).exists()]


def _sockets(folder: Path, *, served: bool) -> list[Path]:
    """Sockets of a folder at which a program listens, or none does; a killed one leaves them."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(path))
            except ConnectionRefusedError:
                is_served = False
            except OSError:  # gone meanwhile, or no stream socket
                continue
            else:
                is_served = True
        if path.is_socket() and is_served == served:
            found.append(path)
    return found


def _links(layout: Layout) -> list[Path]:
    """Links to the containers' logs that kubelet makes for log collectors."""
    if not _LOG_LINKS.is_dir():
        return []
    links = (path for path in _LOG_LINKS.iterdir() if path.is_symlink())
    return [link for link in links if link.readlink().is_relative_to(layout.pod_logs)]


def _remove_empty(folder: Path) -> None:
    """Remove a folder and its parent if nobody else has anything there."""
    for candidate in (folder, folder.parent):
        try:
            if candidate.name in ("lib", "log", "run", "var"):
                return
            candidate.rmdir()
        except OSError:  # not empty, or never made
            return


def _unescaped(path: str) -> str:
    """Path with the kernel's octal escapes of blanks and backslashes replaced."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)
