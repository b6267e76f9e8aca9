"""What serves the pods on this node: kubelet and kube-proxy."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from otel_mesh_cli.core import files
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
from otel_mesh_embedded.supervision.registry import Program

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh_embedded.node.programs import Programs

_PROTECTED_OOM_SCORE = -999
_RESOLVERS = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))


def name_servers(texts: Iterable[str]) -> list[str]:
    """The machine's name servers that pods can reach: those on loopback are the machine's own.

    Args:
        texts: contents of resolv.conf files, the first with a usable server counts.
    """
    for text in texts:
        words = [line.split() for line in text.splitlines()]
        servers = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver" and _is_usable(line[1])]
        if servers:
            return servers
    return []


def machine_name_servers() -> list[str]:
    """The name servers of this machine that pods can reach; none on a machine without network."""
    return name_servers(path.read_text() for path in _RESOLVERS if path.exists())


def kubelet_configuration(layout: Layout, *, protects_oom: bool) -> dict[str, object]:
    """What `kubelet --config` reads.

    Args:
        layout: where everything lies.
        protects_oom: whether kubelet may make itself safe from the out-of-memory killer.
    """
    client_authority = credentials.authority(layout, credentials.CLUSTER)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": str(NODE_ADDRESS),
        "port": KUBELET_PORT,
        "readOnlyPort": 0,
        "healthzPort": 0,  # it would answer anybody; the other port asks who it is
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(client_authority)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(credentials.certificate(layout, credentials.KUBELET_SERVING)),
        "tlsPrivateKeyFile": str(credentials.key(layout, credentials.KUBELET_SERVING)),
        "rotateCertificates": False,  # the certificates are renewed at every start
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": _PROTECTED_OOM_SCORE if protects_oom else 0,
        "makeIPTablesUtilChains": False,  # kube-proxy makes the chains it needs
        "seccompDefault": True,
        "clusterDomain": CLUSTER_DOMAIN,
        "clusterDNS": [str(DNS_SERVICE_ADDRESS)],
        "resolvConf": str(layout.config / "resolv.conf"),
        "podLogsDir": str(layout.pod_logs),
        "containerLogMaxSize": "10Mi",
        "containerLogMaxFiles": 3,
        "volumePluginDir": str(layout.kubelet / "volume-plugins"),
        "imageGCHighThresholdPercent": 100,  # never: the images here cannot be pulled again
        "evictionHard": {"memory.available": "200Mi"},
        "kubeAPIQPS": 50,
        "kubeAPIBurst": 100,
    }


def proxy_configuration(layout: Layout, *, protects_oom: bool) -> dict[str, object]:
    """What `kube-proxy --config` reads.

    Args:
        layout: where everything lies.
        protects_oom: whether kube-proxy may make itself safe from the out-of-memory killer.
    """
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": NODE_NAME,
        "bindAddress": str(NODE_ADDRESS),
        "healthzBindAddress": f"{LOOPBACK}:{PROXY_HEALTH_PORT}",
        "metricsBindAddress": f"{LOOPBACK}:{PROXY_METRICS_PORT}",
        "clientConnection": {"kubeconfig": str(credentials.kubeconfig_path(layout, credentials.PROXY))},
        "clusterCIDR": str(POD_NETWORK),
        "detectLocalMode": "ClusterCIDR",
        "nodePortAddresses": ["primary"],
        "oomScoreAdj": _PROTECTED_OOM_SCORE if protects_oom else 0,
        # The machine's limits stay as they are, they may not even be writable.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        # A Service answers again this soon after its pod was replaced.
        "iptables": {"minSyncPeriod": "100ms", "syncPeriod": "30s", "localhostNodePorts": False},
    }


def kubelet(layout: Layout, programs: Programs, *, protects_oom: bool) -> Program:
    """The node's agent; writes what it reads."""
    servers = "".join(f"nameserver {server}\n" for server in machine_name_servers())
    # No search domains: a pod's short names stay inside the cluster.
    files.write(layout.config / "resolv.conf", servers, mode=0o644)
    path = layout.config / "kubelet.yaml"
    files.write(path, yaml.safe_dump(kubelet_configuration(layout, protects_oom=protects_oom), sort_keys=False))
    kubeconfig = credentials.kubeconfig_path(layout, credentials.KUBELET)
    argv = (
        programs.tool("kubelet"),
        f"--config={path}",
        f"--kubeconfig={kubeconfig}",
        f"--root-dir={layout.kubelet}",
        f"--cert-dir={layout.kubelet / 'pki'}",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={NODE_ADDRESS}",
    )
    serving = credentials.certificate(layout, credentials.KUBELET_SERVING)
    # Started anew, it asks for new tokens for all its pods: that is due when they are signed with another key.
    tokens = layout.pki / f"{credentials.SERVICE_ACCOUNT}.pub"
    reads = (path, kubeconfig, serving, credentials.authority(layout, credentials.CLUSTER), tokens)
    return Program("kubelet", argv, programs.environment, reads)


def proxy(layout: Layout, programs: Programs, *, protects_oom: bool) -> Program:
    """What leads Service addresses to pods; writes what it reads."""
    path = layout.config / "proxy.yaml"
    files.write(path, yaml.safe_dump(proxy_configuration(layout, protects_oom=protects_oom), sort_keys=False))
    argv = (programs.tool("kube-proxy"), f"--config={path}")
    reads = (path, credentials.kubeconfig_path(layout, credentials.PROXY))
    return Program("kube-proxy", argv, programs.environment, reads)


def _is_usable(server: str) -> bool:
    try:
        return not ipaddress.ip_address(server.partition("%")[0]).is_loopback
    except ValueError:
        return False
