"""Programs of the control plane: etcd, API server, controller manager, scheduler."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_embedded.node import templates
from otel_mesh_embedded.node.control_plane import encryption
from otel_mesh_embedded.node.layout import (
    API_PORT,
    CLUSTER_DOMAIN,
    CONTROLLER_MANAGER_PORT,
    ETCD_CLIENT_PORT,
    ETCD_PEER_PORT,
    LOOPBACK,
    NODE_ADDRESS,
    SCHEDULER_PORT,
    SERVICE_NETWORK,
    Layout,
)
from otel_mesh_embedded.pki import credentials, signing_keys
from otel_mesh_embedded.pki.authorities import key_path
from otel_mesh_embedded.supervision.registry import Program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_embedded.node.programs import Programs
    from otel_mesh_embedded.pki.authorities import Leaf

_ETCD = f"https://{LOOPBACK}:{ETCD_CLIENT_PORT}"
_ETCD_PEER = f"https://{LOOPBACK}:{ETCD_PEER_PORT}"
_QUOTA_BYTES = 2 * 1024**3


def _program(programs: Programs, name: str, flags: Mapping[str, object]) -> Program:
    """Program that is restarted when the content of a file named by a flag changes."""
    pairs = [(flag, one) for flag, value in flags.items() for one in (value if isinstance(value, tuple) else (value,))]
    argv = [f"--{flag}={value}" for flag, value in pairs]
    reads = tuple(value for _, value in pairs if isinstance(value, Path) and value.is_file())
    return Program(name, (programs.tool(name), *argv), programs.environment, reads)


def _client(layout: Layout, leaf: Leaf) -> dict[str, object]:
    """How the controller manager and the scheduler reach the API server and check who asks them."""
    kubeconfig = credentials.kubeconfig_path(layout, leaf)
    return {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "client-ca-file": credentials.authority(layout, credentials.CLUSTER),
        "requestheader-client-ca-file": credentials.authority(layout, credentials.FRONT_PROXY),
        "authorization-always-allow-paths": "",  # not even health for someone without a certificate
        "bind-address": LOOPBACK,
        "profiling": "false",
    }


def etcd(layout: Layout, programs: Programs) -> Program:
    """The database, one member, reached over loopback with certificates only."""
    authority = credentials.authority(layout, credentials.ETCD)
    flags: dict[str, object] = {
        "name": "otel-mesh-local",
        "data-dir": layout.etcd,
        "listen-client-urls": _ETCD,
        "advertise-client-urls": _ETCD,
        "listen-peer-urls": _ETCD_PEER,
        "initial-advertise-peer-urls": _ETCD_PEER,
        "initial-cluster": f"otel-mesh-local={_ETCD_PEER}",
        "client-cert-auth": "true",
        "trusted-ca-file": authority,
        "cert-file": credentials.certificate(layout, credentials.ETCD_SERVING),
        "key-file": credentials.key(layout, credentials.ETCD_SERVING),
        "peer-client-cert-auth": "true",
        "peer-trusted-ca-file": authority,
        "peer-cert-file": credentials.certificate(layout, credentials.ETCD_PEER),
        "peer-key-file": credentials.key(layout, credentials.ETCD_PEER),
        "quota-backend-bytes": _QUOTA_BYTES,
        "logger": "zap",
        "log-level": "warn",
    }
    return _program(programs, "etcd", flags)


def api_server(layout: Layout, programs: Programs) -> Program:
    """The API server: certificates or tokens for everyone, Secrets encrypted in the database."""
    client_authority = credentials.authority(layout, credentials.CLUSTER)
    flags: dict[str, object] = {
        "bind-address": NODE_ADDRESS,
        "advertise-address": NODE_ADDRESS,
        "secure-port": API_PORT,
        "tls-cert-file": credentials.certificate(layout, credentials.API_SERVER_SERVING),
        "tls-private-key-file": credentials.key(layout, credentials.API_SERVER_SERVING),
        "client-ca-file": client_authority,
        "anonymous-auth": "false",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "etcd-servers": _ETCD,
        "etcd-cafile": credentials.authority(layout, credentials.ETCD),
        "etcd-certfile": credentials.certificate(layout, credentials.API_SERVER_TO_ETCD),
        "etcd-keyfile": credentials.key(layout, credentials.API_SERVER_TO_ETCD),
        "encryption-provider-config": encryption.path(layout),
        "kubelet-certificate-authority": client_authority,
        "kubelet-client-certificate": credentials.certificate(layout, credentials.API_SERVER_TO_KUBELET),
        "kubelet-client-key": credentials.key(layout, credentials.API_SERVER_TO_KUBELET),
        "kubelet-preferred-address-types": "InternalIP",
        "service-cluster-ip-range": SERVICE_NETWORK,
        "service-account-issuer": f"https://kubernetes.default.svc.{CLUSTER_DOMAIN}",
        "service-account-key-file": signing_keys.verifying(layout.pki, credentials.SERVICE_ACCOUNT),
        "service-account-signing-key-file": key_path(layout.pki, credentials.SERVICE_ACCOUNT),
        "requestheader-client-ca-file": credentials.authority(layout, credentials.FRONT_PROXY),
        "requestheader-allowed-names": credentials.API_SERVER_PROXYING.common_name,
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "proxy-client-cert-file": credentials.certificate(layout, credentials.API_SERVER_PROXYING),
        "proxy-client-key-file": credentials.key(layout, credentials.API_SERVER_PROXYING),
        "profiling": "false",
    }
    return _program(programs, "kube-apiserver", flags)


def controller_manager(layout: Layout, programs: Programs) -> Program:
    """The controllers; alone, so there is no leader to elect and no lease to wait for after a crash."""
    flags: dict[str, object] = {
        **_client(layout, credentials.CONTROLLER_MANAGER),
        "secure-port": CONTROLLER_MANAGER_PORT,
        "tls-cert-file": credentials.certificate(layout, credentials.CONTROLLER_MANAGER_SERVING),
        "tls-private-key-file": credentials.key(layout, credentials.CONTROLLER_MANAGER_SERVING),
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": key_path(layout.pki, credentials.SERVICE_ACCOUNT),
        "root-ca-file": credentials.authority(layout, credentials.CLUSTER),
        "cluster-signing-cert-file": credentials.authority(layout, credentials.CLUSTER),
        "cluster-signing-key-file": key_path(layout.pki, credentials.CLUSTER),
        "service-cluster-ip-range": SERVICE_NETWORK,
        "flex-volume-plugin-dir": layout.kubelet / "volume-plugins",
        "kube-api-qps": 100,
        "kube-api-burst": 200,
    }
    return _program(programs, "kube-controller-manager", flags)


def scheduler(layout: Layout, programs: Programs) -> Program:
    """The scheduler."""
    path = layout.config / "scheduler.yaml"
    files.write(path, scheduler_configuration(layout))
    flags = _client(layout, credentials.SCHEDULER)
    kubeconfig = flags.pop("kubeconfig")  # named by the configuration, its content counts all the same
    del flags["profiling"]
    flags |= {
        "config": path,
        "secure-port": SCHEDULER_PORT,
        "tls-cert-file": credentials.certificate(layout, credentials.SCHEDULER_SERVING),
        "tls-private-key-file": credentials.key(layout, credentials.SCHEDULER_SERVING),
        "authentication-kubeconfig": kubeconfig,
    }
    return _program(programs, "kube-scheduler", flags)


def scheduler_configuration(layout: Layout) -> str:
    """The file for `kube-scheduler --config`."""
    kubeconfig = credentials.kubeconfig_path(layout, credentials.SCHEDULER)
    return templates.filled("kube-scheduler.yaml", kubeconfig=str(kubeconfig))
