"""Names, addresses and paths of the node: every other module takes them from here."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core.paths import state_dir
from otel_mesh_embedded.node.network import ranges

if TYPE_CHECKING:
    from pathlib import Path

NODE_NAME: Final = "otel-mesh-local"
CONTEXT: Final = "otel-mesh-local"
CLUSTER_DOMAIN: Final = "cluster.local"
BRIDGE: Final = "otelmesh0"
CNI_NETWORK: Final = "otel-mesh"
CGROUP: Final = "otel-mesh"
"""The node's branch of every cgroup hierarchy: ``node`` below it holds the programs, ``kubepods`` the pods."""


class Layout:
    """Paths of one environment's files; only their owner can enter the folders."""

    def __init__(self, state: Path) -> None:
        self._folders: list[Path] = []
        self.state = state
        """State folder, as `otel_mesh_cli.core.paths.state_dir` returns it."""
        self.root = self._folder(state / "node")
        """Files that only the node's programs use."""
        self.kubeconfig = state / "kubeconfig"
        """Kubeconfig of the cluster administrator, for people and for Pulumi."""
        self.node_file = state / "node.json"
        """Folders of network plugins, for a mesh that chains its own plugin (OTEL_MESH_NODE_FILE)."""
        self.volumes = self._folder(state / "volumes")
        """One folder per persistent volume."""
        self.networks = self.root / "networks.json"
        """Address ranges of pods and Services, fixed at the first start."""
        self.pki = self._folder(self.root / "pki")
        """Authorities, certificates, keys."""
        self.config = self._folder(self.root / "config")
        """Configuration files of the programs."""
        self.logs = self._folder(self.root / "logs")
        """Per program: its log and the log before it."""
        self.processes = self._folder(self.root / "processes")
        """One file per program that should run."""
        self.etcd = self._folder(self.root / "etcd")
        """Database of the cluster."""
        self.containerd = self._folder(self.root / "containerd")
        """Images, containers and snapshots, which outlive a stop."""
        self.containerd_state = self._folder(self.root / "run")
        """Sockets, mounts and network namespaces of running pods."""
        self.containerd_socket = self.containerd_state / "containerd.sock"
        """Socket of containerd for kubelet and ``ctr``."""
        self.kubelet = self._folder(self.root / "kubelet")
        """Volumes of pods."""
        self.pod_logs = self._folder(self.root / "pod-logs")
        """Output of containers, rotated by kubelet."""
        self.cni_config = self._folder(self.root / "cni" / "net.d")
        """CNI configuration for containerd; a mesh's plugin may chain itself on here."""
        self.cni_bin = self._folder(self.root / "cni" / "bin")
        """CNI plugins; a mesh may add its own."""
        self.cni_leases = self._folder(self.root / "cni" / "leases")
        """Addresses assigned to pods."""
        self.bin = self._folder(self.root / "bin")
        """Links to the iptables variant chosen for this machine; first on the programs' PATH."""
        self.sysctls = self.root / "sysctls.json"
        """Kernel settings from before the first start."""

    def _folder(self, path: Path) -> Path:
        self._folders.append(path)
        return path

    def make_folders(self) -> None:
        """Create the folders that programs need; only the owner may enter."""
        for folder in self._folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)


def layout() -> Layout:
    """The layout below the current state folder."""
    return Layout(state_dir())


RANGES: Final = ranges.recorded(layout().networks) or ranges.configured()
"""Address ranges for the whole run: an existing environment keeps its own, whatever the variables say now."""
POD_NETWORK: Final = RANGES.pods
SERVICE_NETWORK: Final = RANGES.services
NODE_ADDRESS: Final = RANGES.node
"""Address of the bridge: no program of the node listens on an address that other machines reach."""
API_SERVICE_ADDRESS: Final = RANGES.api_service
DNS_SERVICE_ADDRESS: Final = RANGES.dns_service
LOOPBACK: Final = IPv4Address("127.0.0.1")

API_PORT: Final = 16443
KUBELET_PORT: Final = 16250
# On loopback. Unusual numbers, because another Kubernetes may use the usual ones.
ETCD_CLIENT_PORT: Final = 16379
ETCD_PEER_PORT: Final = 16380
PROXY_METRICS_PORT: Final = 16249
PROXY_HEALTH_PORT: Final = 16256
CONTROLLER_MANAGER_PORT: Final = 16257
SCHEDULER_PORT: Final = 16259

LISTENERS: Final = (
    (NODE_ADDRESS, API_PORT, "kube-apiserver"),
    (NODE_ADDRESS, KUBELET_PORT, "kubelet"),
    (LOOPBACK, ETCD_CLIENT_PORT, "etcd"),
    (LOOPBACK, ETCD_PEER_PORT, "etcd"),
    (LOOPBACK, PROXY_METRICS_PORT, "kube-proxy"),
    (LOOPBACK, PROXY_HEALTH_PORT, "kube-proxy"),
    (LOOPBACK, CONTROLLER_MANAGER_PORT, "kube-controller-manager"),
    (LOOPBACK, SCHEDULER_PORT, "kube-scheduler"),
)
"""Every address and port that a program of the node listens on."""

API_SERVER: Final = f"https://{NODE_ADDRESS}:{API_PORT}"
