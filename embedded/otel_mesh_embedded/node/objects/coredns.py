"""The cluster's DNS server."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from otel_mesh_embedded.node.layout import CLUSTER_DOMAIN, DNS_SERVICE_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "coredns"
NAMESPACE = "kube-system"
_PORT = 5353  # above 1023, so that it needs no privilege
_USER = 10001
_HEALTH_PORT, _READY_PORT, _METRICS_PORT = 8080, 8181, 9153

_LABELS = {"k8s-app": "kube-dns", "app.kubernetes.io/name": NAME, "app.kubernetes.io/managed-by": "otel-mesh-local"}
_SELECTOR = {"k8s-app": "kube-dns"}


def corefile(name_servers: Sequence[str]) -> str:
    """CoreDNS' configuration.

    Args:
        name_servers: where questions about names outside the cluster go; without any they are refused.
    """
    forward = f"    forward . {' '.join(name_servers)}\n    loop\n" if name_servers else ""
    return f"""\
.:{_PORT} {{
    errors
    health :{_HEALTH_PORT} {{
        lameduck 2s
    }}
    ready :{_READY_PORT}
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {{
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 5
    }}
    prometheus :{_METRICS_PORT}
    cache 30 {{
        disable success {CLUSTER_DOMAIN}
        disable denial {CLUSTER_DOMAIN}
    }}
{forward}    loadbalance
}}
"""


def manifests(image: str, name_servers: Sequence[str]) -> list[dict[str, Any]]:
    """Everything CoreDNS needs.

    Args:
        image: its reference; the image must have been imported.
        name_servers: see :func:`corefile`.
    """
    configuration = corefile(name_servers)
    return [*_access(), _config_map(configuration), _deployment(image, configuration), _service()]


def _metadata(name: str = NAME) -> dict[str, Any]:
    return {"name": name, "namespace": NAMESPACE, "labels": _LABELS}


def _access() -> list[dict[str, Any]]:
    rules = [
        {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    role = "system:coredns"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata()},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": role, "labels": _LABELS},
            "rules": rules,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": role, "labels": _LABELS},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
        },
    ]


def _config_map(configuration: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(), "data": {"Corefile": configuration}}


def _service() -> dict[str, Any]:
    ports = [
        {"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "targetPort": "dns-tcp", "protocol": "TCP"},
        {"name": "metrics", "port": _METRICS_PORT, "targetPort": "metrics", "protocol": "TCP"},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata("kube-dns"),
        "spec": {"clusterIP": str(DNS_SERVICE_ADDRESS), "selector": _SELECTOR, "ports": ports},
    }


def _container(image: str) -> dict[str, Any]:
    return {
        "name": NAME,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"name": "dns", "containerPort": _PORT, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": _PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": _METRICS_PORT, "protocol": "TCP"},
        ],
        "resources": {"requests": {"cpu": "50m", "memory": "70Mi"}, "limits": {"memory": "170Mi"}},
        "livenessProbe": {"httpGet": {"path": "/health", "port": _HEALTH_PORT}, "failureThreshold": 5},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": _READY_PORT}, "periodSeconds": 2},
        "startupProbe": {
            "httpGet": {"path": "/ready", "port": _READY_PORT},
            "periodSeconds": 1,
            "failureThreshold": 60,
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
    }


def _deployment(image: str, configuration: str) -> dict[str, Any]:
    pod = {
        "serviceAccountName": NAME,
        "priorityClassName": "system-cluster-critical",
        "dnsPolicy": "Default",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(image)],
        "volumes": [{"name": "config", "configMap": {"name": NAME}}],
    }
    checksum = hashlib.sha256(configuration.encode()).hexdigest()
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": _SELECTOR},
            "template": {
                "metadata": {"labels": _LABELS, "annotations": {"checksum/corefile": checksum}},
                "spec": pod,
            },
        },
    }
