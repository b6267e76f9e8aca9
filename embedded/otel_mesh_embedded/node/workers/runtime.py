"""The container runtime: containerd with folders and sockets of its own, and the pods' network configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_embedded.node import templates
from otel_mesh_embedded.node.layout import BRIDGE, CNI_NETWORK, NODE_ADDRESS, POD_NETWORK, Layout
from otel_mesh_embedded.supervision.registry import Program

if TYPE_CHECKING:
    from otel_mesh_embedded.node.programs import Programs

CNI_FILE = "10-bridge.conflist"
_CAP_SYS_RESOURCE = 24


def may_lower_oom_score(status: str | None = None) -> bool:
    """True if this process may lower OOM scores (CAP_SYS_RESOURCE); tests give the text of ``/proc/self/status``."""
    text = status if status is not None else Path("/proc/self/status").read_text()
    capabilities = next(line.split()[1] for line in text.splitlines() if line.startswith("CapEff:"))
    return bool(int(capabilities, 16) >> _CAP_SYS_RESOURCE & 1)


def configuration(layout: Layout, programs: Programs, pause_image: str, *, restrict_oom: bool) -> str:
    """The configuration file of containerd.

    Args:
        layout: Paths of the environment.
        programs: Paths of programs, for runc.
        pause_image: reference of the image that holds a pod's namespaces; it must have been imported.
        restrict_oom: without the right to lower scores every pod would fail with "can't get final child's PID".
    """
    return templates.filled(
        "containerd.toml",
        root=str(layout.containerd),
        state=str(layout.containerd_state),
        socket=str(layout.containerd_socket),
        opt=str(layout.containerd / "opt"),
        pause=pause_image,
        restrict_oom=restrict_oom,
        cni_bin=str(layout.cni_bin),
        cni_config=str(layout.cni_config),
        runc=programs.packaged("runc"),
        runc_root=str(layout.containerd_state / "runc"),
    )


def network_configuration(layout: Layout) -> str:
    """The pods' network: the node's bridge, addresses from a private pool, host ports."""
    return templates.filled(
        "bridge.conflist",
        network=CNI_NETWORK,
        bridge=BRIDGE,
        leases=str(layout.cni_leases),
        pods=str(POD_NETWORK),
        node=str(NODE_ADDRESS),
    )


def containerd(layout: Layout, programs: Programs, pause_image: str) -> Program:
    """containerd, with its configuration file written."""
    path = layout.config / "containerd.toml"
    files.write(path, configuration(layout, programs, pause_image, restrict_oom=not may_lower_oom_score()))
    for plugin in programs.cni.iterdir():
        files.link(layout.cni_bin / plugin.name, plugin)
    argv = (programs.packaged("containerd"), "--config", str(path), "--log-level", "warn")
    return Program("containerd", argv, programs.environment, (path,))


def describe(layout: Layout) -> None:
    """Write the folders of CNI plugins and configuration for the stack."""
    places = {
        "cni_bin_dir": str(layout.cni_bin),
        "cni_conf_dir": str(layout.cni_config),
        "cni_conf_name": CNI_FILE,
    }
    files.write(layout.node_file, json.dumps(places, indent=2) + "\n")


def write_network_configuration(layout: Layout) -> None:
    """Write the pods' network configuration, without plugins that a mesh has chained to it.

    A mesh's agent chains itself on again when it starts. What it left there when it was killed holds a token that
    has expired, and no pod could start.
    """
    files.write(layout.cni_config / CNI_FILE, network_configuration(layout))


def ctr(layout: Layout, programs: Programs) -> tuple[str, ...]:
    """Command line of ctr for this containerd, in Kubernetes' namespace."""
    return (programs.packaged("ctr"), "--address", str(layout.containerd_socket), "--namespace", "k8s.io")
