"""kubelet and kube-proxy."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_embedded.node import arguments, templates
from otel_mesh_embedded.node.layout import (
    CGROUP,
    CLUSTER_DOMAIN,
    DNS_SERVICE_ADDRESS,
    KUBELET_PORT,
    LOOPBACK,
    NODE_ADDRESS,
    NODE_NAME,
    POD_NETWORK,
    PROXY_HEALTH_PORT,
    PROXY_METRICS_PORT,
    Layout,
)
from otel_mesh_embedded.pki import credentials

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh_embedded.node.programs import Programs
    from otel_mesh_embedded.supervision.registry import Program

_PROTECTED_OOM_SCORE = -999
_RESOLVERS = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))


def name_servers(texts: Iterable[str]) -> list[str]:
    """The name servers of the first resolv.conf that has one that pods can reach: on loopback are the machine's own."""
    for text in texts:
        words = [line.split() for line in text.splitlines()]
        servers = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver" and _is_usable(line[1])]
        if servers:
            return servers
    return []


def machine_name_servers() -> list[str]:
    """The name servers of this machine that pods can reach; none on a machine without network."""
    return name_servers(path.read_text() for path in _RESOLVERS if path.exists())


def kubelet_configuration(layout: Layout, *, protects_oom: bool) -> str:
    """The file for `kubelet --config`.

    Args:
        layout: paths of the environment.
        protects_oom: whether kubelet may protect itself from the out-of-memory killer.
    """
    return templates.filled(
        "kubelet.yaml",
        address=str(NODE_ADDRESS),
        port=KUBELET_PORT,
        client_authority=str(credentials.authority(layout, credentials.CLUSTER)),
        certificate=str(credentials.certificate(layout, credentials.KUBELET_SERVING)),
        key=str(credentials.key(layout, credentials.KUBELET_SERVING)),
        runtime=f"unix://{layout.containerd_socket}",
        cgroup=f"/{CGROUP}",
        oom_score=_PROTECTED_OOM_SCORE if protects_oom else 0,
        domain=CLUSTER_DOMAIN,
        dns=str(DNS_SERVICE_ADDRESS),
        resolv_conf=str(layout.config / "resolv.conf"),
        pod_logs=str(layout.pod_logs),
        volume_plugins=str(layout.kubelet / "volume-plugins"),
    )


def proxy_configuration(layout: Layout, *, protects_oom: bool) -> str:
    """The file for `kube-proxy --config`; arguments as of `kubelet_configuration`."""
    return templates.filled(
        "kube-proxy.yaml",
        node=NODE_NAME,
        address=str(NODE_ADDRESS),
        health=f"{LOOPBACK}:{PROXY_HEALTH_PORT}",
        metrics=f"{LOOPBACK}:{PROXY_METRICS_PORT}",
        kubeconfig=str(credentials.kubeconfig_path(layout, credentials.PROXY)),
        pods=str(POD_NETWORK),
        oom_score=_PROTECTED_OOM_SCORE if protects_oom else 0,
    )


def kubelet(layout: Layout, programs: Programs, *, protects_oom: bool) -> Program:
    """kubelet, with its configuration files written."""
    servers = "".join(f"nameserver {server}\n" for server in machine_name_servers())
    # No search domains: a pod's short names stay inside the cluster.
    files.write(layout.config / "resolv.conf", servers, mode=0o644)
    files.write(layout.config / "kubelet.yaml", kubelet_configuration(layout, protects_oom=protects_oom))
    serving = credentials.certificate(layout, credentials.KUBELET_SERVING)
    # Started anew, it asks for new tokens for all its pods: that is due when they are signed with another key.
    tokens = layout.pki / f"{credentials.SERVICE_ACCOUNT}.pub"
    reads = (serving, credentials.authority(layout, credentials.CLUSTER), tokens)
    return arguments.program(layout, programs, "kubelet", reads=reads)


def proxy(layout: Layout, programs: Programs, *, protects_oom: bool) -> Program:
    """kube-proxy, with its configuration file written."""
    files.write(layout.config / "proxy.yaml", proxy_configuration(layout, protects_oom=protects_oom))
    reads = (credentials.kubeconfig_path(layout, credentials.PROXY),)
    return arguments.program(layout, programs, "kube-proxy", reads=reads)


def _is_usable(server: str) -> bool:
    try:
        return not ipaddress.ip_address(server.partition("%")[0]).is_loopback
    except ValueError:
        return False
