"""Names, addresses and paths of the node: every other module takes them from here."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from otel_mesh_cli.core.paths import state_dir

if TYPE_CHECKING:
    from pathlib import Path

NODE_NAME = "otel-mesh-local"
CONTEXT = "otel-mesh-local"
CLUSTER_DOMAIN = "cluster.local"
BRIDGE = "otelmesh0"
CNI_NETWORK = "otel-mesh"
CGROUP = "otel-mesh"
"""The node's own branch of every cgroup hierarchy: ``node`` below it holds programs, ``kubepods`` the pods."""

POD_NETWORK = IPv4Network("10.87.0.0/16")
SERVICE_NETWORK = IPv4Network("10.88.0.0/16")
NODE_ADDRESS = IPv4Address("10.87.0.1")
"""The bridge's own address: nothing of the node listens on an address that other machines reach."""
API_SERVICE_ADDRESS = IPv4Address("10.88.0.1")
DNS_SERVICE_ADDRESS = IPv4Address("10.88.0.10")
LOOPBACK = IPv4Address("127.0.0.1")

API_PORT = 16443
KUBELET_PORT = 16250
# On loopback. Own numbers, because another Kubernetes may hold the customary ones.
ETCD_CLIENT_PORT = 16379
ETCD_PEER_PORT = 16380
PROXY_METRICS_PORT = 16249
PROXY_HEALTH_PORT = 16256
CONTROLLER_MANAGER_PORT = 16257
SCHEDULER_PORT = 16259

LISTENERS: tuple[tuple[IPv4Address, int, str], ...] = (
    (NODE_ADDRESS, API_PORT, "kube-apiserver"),
    (NODE_ADDRESS, KUBELET_PORT, "kubelet"),
    (LOOPBACK, ETCD_CLIENT_PORT, "etcd"),
    (LOOPBACK, ETCD_PEER_PORT, "etcd"),
    (LOOPBACK, PROXY_METRICS_PORT, "kube-proxy"),
    (LOOPBACK, PROXY_HEALTH_PORT, "kube-proxy"),
    (LOOPBACK, CONTROLLER_MANAGER_PORT, "kube-controller-manager"),
    (LOOPBACK, SCHEDULER_PORT, "kube-scheduler"),
)
"""Every address the node's programs listen on, with the program that does."""

API_SERVER = f"https://{NODE_ADDRESS}:{API_PORT}"


@dataclass(frozen=True)
class Layout:
    """Where the node keeps its files: all below one folder, readable by its owner only."""

    state: Path
    """What :func:`otel_mesh_cli.core.paths.state_dir` returns."""

    @property
    def root(self) -> Path:
        """Everything that only the node's programs use."""
        return self.state / "node"

    @property
    def kubeconfig(self) -> Path:
        """For people and for Pulumi: cluster administrator, certificates embedded."""
        return self.state / "kubeconfig"

    @property
    def node_file(self) -> Path:
        """What a mesh that chains itself onto the pods' network has to know of this node (OTEL_MESH_NODE_FILE)."""
        return self.state / "node.json"

    @property
    def volumes(self) -> Path:
        """One folder per persistent volume of the pool."""
        return self.state / "volumes"

    @property
    def pki(self) -> Path:
        """Authorities, certificates, keys."""
        return self.root / "pki"

    @property
    def config(self) -> Path:
        """Configuration files of the programs."""
        return self.root / "config"

    @property
    def logs(self) -> Path:
        """One file per program, and its predecessor."""
        return self.root / "logs"

    @property
    def processes(self) -> Path:
        """What is meant to run: one file per program."""
        return self.root / "processes"

    @property
    def etcd(self) -> Path:
        """The cluster's database."""
        return self.root / "etcd"

    @property
    def containerd(self) -> Path:
        """Images, containers and snapshots: they outlive a stop."""
        return self.root / "containerd"

    @property
    def containerd_state(self) -> Path:
        """Sockets, mounts and network namespaces of what runs now."""
        return self.root / "run"

    @property
    def containerd_socket(self) -> Path:
        """Where kubelet and ``ctr`` find containerd."""
        return self.containerd_state / "containerd.sock"

    @property
    def kubelet(self) -> Path:
        """Pods' volumes."""
        return self.root / "kubelet"

    @property
    def pod_logs(self) -> Path:
        """Containers' output, rotated by kubelet."""
        return self.root / "pod-logs"

    @property
    def cni_config(self) -> Path:
        """The network configuration that containerd reads; a mesh's plugin may chain itself on here."""
        return self.root / "cni" / "net.d"

    @property
    def cni_bin(self) -> Path:
        """Network plugins; a mesh may add its own."""
        return self.root / "cni" / "bin"

    @property
    def cni_leases(self) -> Path:
        """Addresses given to pods."""
        return self.root / "cni" / "leases"

    @property
    def bin(self) -> Path:
        """Links to the variants of programs chosen for this machine; first on the programs' PATH."""
        return self.root / "bin"

    @property
    def sysctls(self) -> Path:
        """Kernel settings as they were before the first start."""
        return self.root / "sysctls.json"

    def folders(self) -> tuple[Path, ...]:
        """Every folder that must exist before a program starts."""
        return (
            self.root,
            self.volumes,
            self.pki,
            self.config,
            self.logs,
            self.processes,
            self.etcd,
            self.containerd,
            self.containerd_state,
            self.kubelet,
            self.pod_logs,
            self.cni_config,
            self.cni_bin,
            self.cni_leases,
            self.bin,
        )

    def make_folders(self) -> None:
        """Create what is missing; only the owner may enter."""
        for folder in self.folders():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)


def layout() -> Layout:
    """The layout below the current state folder."""
    return Layout(state_dir())
