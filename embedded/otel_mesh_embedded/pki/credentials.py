"""Identities of the node's programs: authorities, certificates, keys and kubeconfigs."""

from __future__ import annotations

import base64
import datetime as dt
import ssl
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from cryptography import x509

from otel_mesh_cli.core import files
from otel_mesh_embedded.node import templates
from otel_mesh_embedded.node.layout import (
    API_SERVER,
    API_SERVICE_ADDRESS,
    CLUSTER_DOMAIN,
    CONTEXT,
    LOOPBACK,
    NODE_ADDRESS,
    NODE_NAME,
    Layout,
)
from otel_mesh_embedded.pki import authorities, signing_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

CLUSTER = "ca"
ETCD = "etcd-ca"
FRONT_PROXY = "front-proxy-ca"
GATEWAY = "gateway-ca"
AUTHORITIES = (CLUSTER, ETCD, FRONT_PROXY, GATEWAY)
"""Several, so that neither a user of the cluster reads its database nor a client poses as the aggregation layer, and
that a browser may trust the gateway's without trusting the others."""

PERMITTED = {GATEWAY: (x509.DNSName("localhost"), x509.IPAddress(IPv4Network("127.0.0.0/8")))}
"""Name constraints: clients trust the gateway's authority for addresses of this machine only."""

SERVICE_ACCOUNT = "service-account"

API_SERVER_SERVING = authorities.Leaf(
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
KUBELET_SERVING = authorities.Leaf(
    "kubelet-server",
    CLUSTER,
    f"system:node:{NODE_NAME}",
    organization="system:nodes",
    server=True,
    dns_names=(NODE_NAME,),
    addresses=(NODE_ADDRESS,),
)
API_SERVER_TO_KUBELET = authorities.Leaf("apiserver-kubelet", CLUSTER, "otel-mesh:kube-apiserver-kubelet", client=True)
API_SERVER_TO_ETCD = authorities.Leaf("apiserver-etcd", ETCD, "kube-apiserver", client=True)
API_SERVER_PROXYING = authorities.Leaf("front-proxy", FRONT_PROXY, "front-proxy-client", client=True)
ETCD_SERVING = authorities.Leaf(
    "etcd-server", ETCD, "etcd", server=True, client=True, dns_names=("localhost",), addresses=(LOOPBACK,)
)
ETCD_PEER = authorities.Leaf("etcd-peer", ETCD, "etcd", server=True, client=True, addresses=(LOOPBACK,))
CONTROLLER_MANAGER_SERVING = authorities.Leaf(
    "controller-manager-server", CLUSTER, "kube-controller-manager", server=True, addresses=(LOOPBACK,)
)
GATEWAY_SERVING = authorities.Leaf(
    "gateway", GATEWAY, "otel-mesh gateway", server=True, dns_names=("localhost",), addresses=(LOOPBACK,)
)
SCHEDULER_SERVING = authorities.Leaf("scheduler-server", CLUSTER, "kube-scheduler", server=True, addresses=(LOOPBACK,))

ADMIN = authorities.Leaf("admin", CLUSTER, "otel-mesh:admin", organization="system:masters", client=True)
CONTROLLER_MANAGER = authorities.Leaf("controller-manager", CLUSTER, "system:kube-controller-manager", client=True)
SCHEDULER = authorities.Leaf("scheduler", CLUSTER, "system:kube-scheduler", client=True)
KUBELET = authorities.Leaf("kubelet", CLUSTER, f"system:node:{NODE_NAME}", organization="system:nodes", client=True)
PROXY = authorities.Leaf("proxy", CLUSTER, "system:kube-proxy", client=True)
VOLUME_PROVISIONER = authorities.Leaf("volume-provisioner", CLUSTER, "otel-mesh:volume-provisioner", client=True)
NETWORK_POLICIES = authorities.Leaf("network-policies", CLUSTER, "otel-mesh:network-policies", client=True)

CLIENTS = (CONTROLLER_MANAGER, SCHEDULER, KUBELET, PROXY, VOLUME_PROVISIONER, NETWORK_POLICIES)
"""Clients of the API server with a kubeconfig of their own."""

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
    GATEWAY_SERVING,
    ADMIN,
    *CLIENTS,
)

TOKENS_RENEWED = dt.timedelta(hours=2)
"""Time after which no pod has a token of a replaced key: kubelet renews tokens within 50 minutes."""


def ensure(layout: Layout, *, renew: Collection[str] = ()) -> Mapping[str, str]:
    """Issue every certificate that is due and write the kubeconfigs.

    Args:
        layout: Paths of the environment.
        renew: Names of authorities and certificates to issue in any case.

    Returns:
        The authorities and certificates that were issued, with the reason.
    """
    issued = authorities.ensure(layout.pki, AUTHORITIES, LEAVES, permitted=PERMITTED, renew=renew)
    signing_keys.ensure(layout.pki, SERVICE_ACCOUNT)
    signing_keys.forget_old(layout.pki, SERVICE_ACCOUNT, TOKENS_RENEWED)
    for leaf in CLIENTS:
        files.write(kubeconfig_path(layout, leaf), kubeconfig(layout, leaf))
    files.write(layout.kubeconfig, kubeconfig(layout, ADMIN))
    return issued


def untimely(layout: Layout) -> Mapping[str, str]:
    """Authorities and certificates that are not valid now, with the reason."""
    return authorities.untimely(layout.pki, [*AUTHORITIES, *(leaf.name for leaf in LEAVES)])


def certificate(layout: Layout, leaf: authorities.Leaf) -> Path:
    """File of a program's certificate."""
    return authorities.certificate_path(layout.pki, leaf.name)


def key(layout: Layout, leaf: authorities.Leaf) -> Path:
    """File of a program's private key."""
    return authorities.key_path(layout.pki, leaf.name)


def authority(layout: Layout, name: str) -> Path:
    """File of an authority's certificate."""
    return authorities.certificate_path(layout.pki, name)


def tls_context(layout: Layout, authority_name: str, leaf: authorities.Leaf) -> ssl.SSLContext:
    """TLS settings of a client that shows its certificate and trusts one authority only."""
    context = ssl.create_default_context(cafile=authority(layout, authority_name))
    context.load_cert_chain(certificate(layout, leaf), key(layout, leaf))
    return context


def kubeconfig_path(layout: Layout, leaf: authorities.Leaf) -> Path:
    """Kubeconfig file of a program."""
    return layout.config / f"{leaf.name}.kubeconfig"


def kubeconfig(layout: Layout, leaf: authorities.Leaf) -> str:
    """Kubeconfig with certificates and key embedded, usable wherever it is copied."""

    def embedded(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    return templates.filled(
        "kubeconfig.yaml",
        context=CONTEXT,
        user=f"{CONTEXT}-{leaf.name}",
        server=API_SERVER,
        authority=embedded(authority(layout, CLUSTER)),
        certificate=embedded(certificate(layout, leaf)),
        key=embedded(key(layout, leaf)),
    )
