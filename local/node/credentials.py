"""Who the node's programs are to each other: authorities, certificates, keys and kubeconfigs."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

import yaml

from local import files, pki
from local.node.layout import (
    API_SERVER,
    API_SERVICE_ADDRESS,
    CLUSTER_DOMAIN,
    CONTEXT,
    LOOPBACK,
    NODE_ADDRESS,
    NODE_NAME,
    Layout,
)

if TYPE_CHECKING:
    from pathlib import Path

CLUSTER = "ca"
ETCD = "etcd-ca"
FRONT_PROXY = "front-proxy-ca"
AUTHORITIES = (CLUSTER, ETCD, FRONT_PROXY)
"""Three, so that neither a user of the cluster reads its database nor a client poses as the aggregation layer."""

SERVICE_ACCOUNT = "service-account"

API_SERVER_SERVING = pki.Leaf(
    "apiserver",
    CLUSTER,
    "kube-apiserver",
    server=True,
    dns_names=(
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        f"kubernetes.default.svc.{CLUSTER_DOMAIN}",
        "localhost",
    ),
    addresses=(API_SERVICE_ADDRESS, NODE_ADDRESS, LOOPBACK),
)
KUBELET_SERVING = pki.Leaf(
    "kubelet-server",
    CLUSTER,
    f"system:node:{NODE_NAME}",
    organization="system:nodes",
    server=True,
    dns_names=(NODE_NAME,),
    addresses=(NODE_ADDRESS,),
)
API_SERVER_TO_KUBELET = pki.Leaf("apiserver-kubelet", CLUSTER, "otel-mesh:kube-apiserver-kubelet", client=True)
API_SERVER_TO_ETCD = pki.Leaf("apiserver-etcd", ETCD, "kube-apiserver", client=True)
API_SERVER_PROXYING = pki.Leaf("front-proxy", FRONT_PROXY, "front-proxy-client", client=True)
ETCD_SERVING = pki.Leaf(
    "etcd-server", ETCD, "etcd", server=True, client=True, dns_names=("localhost",), addresses=(LOOPBACK,)
)
ETCD_PEER = pki.Leaf("etcd-peer", ETCD, "etcd", server=True, client=True, addresses=(LOOPBACK,))
CONTROLLER_MANAGER_SERVING = pki.Leaf(
    "controller-manager-server", CLUSTER, "kube-controller-manager", server=True, addresses=(LOOPBACK,)
)
SCHEDULER_SERVING = pki.Leaf("scheduler-server", CLUSTER, "kube-scheduler", server=True, addresses=(LOOPBACK,))

ADMIN = pki.Leaf("admin", CLUSTER, "otel-mesh:admin", organization="system:masters", client=True)
CONTROLLER_MANAGER = pki.Leaf("controller-manager", CLUSTER, "system:kube-controller-manager", client=True)
SCHEDULER = pki.Leaf("scheduler", CLUSTER, "system:kube-scheduler", client=True)
KUBELET = pki.Leaf("kubelet", CLUSTER, f"system:node:{NODE_NAME}", organization="system:nodes", client=True)
PROXY = pki.Leaf("proxy", CLUSTER, "system:kube-proxy", client=True)
VOLUME_PROVISIONER = pki.Leaf("volume-provisioner", CLUSTER, "otel-mesh:volume-provisioner", client=True)

CLIENTS = (CONTROLLER_MANAGER, SCHEDULER, KUBELET, PROXY, VOLUME_PROVISIONER)
"""Those who talk to the API server with a kubeconfig of their own."""

LEAVES = (
    API_SERVER_SERVING,
    KUBELET_SERVING,
    API_SERVER_TO_KUBELET,
    API_SERVER_TO_ETCD,
    API_SERVER_PROXYING,
    ETCD_SERVING,
    ETCD_PEER,
    CONTROLLER_MANAGER_SERVING,
    SCHEDULER_SERVING,
    ADMIN,
    *CLIENTS,
)

_ENCRYPTION_KEY_BYTES = 32


def ensure(layout: Layout) -> None:
    """Issue or renew everything that is due and write the kubeconfigs and the key for secrets at rest."""
    pki.ensure(layout.pki, AUTHORITIES, LEAVES)
    pki.ensure_signing_key(layout.pki, SERVICE_ACCOUNT)
    for leaf in CLIENTS:
        files.write(kubeconfig_path(layout, leaf), kubeconfig(layout, leaf))
    files.write(layout.kubeconfig, kubeconfig(layout, ADMIN))
    _ensure_encryption(encryption_path(layout))


def certificate(layout: Layout, leaf: pki.Leaf) -> Path:
    """The file with a program's certificate."""
    return pki.certificate_path(layout.pki, leaf.name)


def key(layout: Layout, leaf: pki.Leaf) -> Path:
    """The file with a program's private key."""
    return pki.key_path(layout.pki, leaf.name)


def authority(layout: Layout, name: str) -> Path:
    """The file with an authority's certificate."""
    return pki.certificate_path(layout.pki, name)


def kubeconfig_path(layout: Layout, leaf: pki.Leaf) -> Path:
    """The file with which a program talks to the API server."""
    return layout.config / f"{leaf.name}.kubeconfig"


def encryption_path(layout: Layout) -> Path:
    """The file that says how Secrets are encrypted in etcd."""
    return layout.config / "encryption.yaml"


def kubeconfig(layout: Layout, leaf: pki.Leaf) -> str:
    """A kubeconfig with everything embedded, so that it works wherever it is copied."""

    def embedded(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    cluster = {"server": API_SERVER, "certificate-authority-data": embedded(authority(layout, CLUSTER))}
    user = {
        "client-certificate-data": embedded(certificate(layout, leaf)),
        "client-key-data": embedded(key(layout, leaf)),
    }
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": CONTEXT, "cluster": cluster}],
            "users": [{"name": f"{CONTEXT}-{leaf.name}", "user": user}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": f"{CONTEXT}-{leaf.name}"}}],
            "current-context": CONTEXT,
        },
        sort_keys=False,
    )


def _ensure_encryption(path: Path) -> None:
    """Make the key once: what etcd holds can be read with this key only."""
    if path.exists():
        return
    secret = base64.b64encode(os.urandom(_ENCRYPTION_KEY_BYTES)).decode()
    providers = [{"secretbox": {"keys": [{"name": "key1", "secret": secret}]}}, {"identity": {}}]
    configuration = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": providers}],
    }
    files.write(path, yaml.safe_dump(configuration, sort_keys=False))
