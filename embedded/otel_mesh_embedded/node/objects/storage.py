"""Persistent volumes: folders of the machine, made on demand by a program of the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_mesh_embedded.node.layout import NODE_NAME
from otel_mesh_embedded.pki import credentials
from otel_mesh_embedded.supervision.registry import Program

if TYPE_CHECKING:
    from otel_mesh_embedded.node.layout import Layout
    from otel_mesh_embedded.node.programs import Programs

PROGRAM = "volume-provisioner"
PROVISIONER = "otel-mesh.local/folder"
"""Its name in storage classes; stands in its main.go too."""
STORAGE_CLASS = "local"
"""The default class: what a deleted claim leaves is kept until its volume is deleted by hand (``Retain``)."""
DELETING_CLASS = "local-delete"
"""The folder goes with the claim (``Delete``)."""


def provisioner(layout: Layout, programs: Programs) -> Program:
    """The program that makes a folder and a volume for every claim of the two classes."""
    kubeconfig = credentials.kubeconfig_path(layout, credentials.VOLUME_PROVISIONER)
    argv = (
        programs.tool(PROGRAM),
        f"--kubeconfig={kubeconfig}",
        f"--folder={layout.volumes}",
        f"--node={NODE_NAME}",
    )
    return Program(PROGRAM, argv, programs.environment, (kubeconfig,))


def manifests() -> list[dict[str, Any]]:
    """The storage classes, and what the provisioner may do."""
    return [_storage_class(STORAGE_CLASS, "Retain", default=True), _storage_class(DELETING_CLASS, "Delete"), _access()]


def _storage_class(name: str, policy: str, *, default: bool = False) -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": name,
            "annotations": {"storageclass.kubernetes.io/is-default-class": str(default).lower()},
        },
        "provisioner": PROVISIONER,
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": policy,
    }


def _access() -> dict[str, Any]:
    user = credentials.VOLUME_PROVISIONER.common_name
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": user},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "system:persistent-volume-provisioner"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
