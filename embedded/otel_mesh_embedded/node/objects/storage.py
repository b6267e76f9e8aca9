"""Persistent volumes: folders on this machine, created on demand by a program of the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_mesh_embedded.node import templates
from otel_mesh_embedded.node.layout import NODE_NAME
from otel_mesh_embedded.pki import credentials
from otel_mesh_embedded.supervision.registry import Program

if TYPE_CHECKING:
    from otel_mesh_embedded.node.layout import Layout
    from otel_mesh_embedded.node.programs import Programs

PROGRAM = "volume-provisioner"
PROVISIONER = "otel-mesh.local/folder"
"""Name of the provisioner in storage classes; its main.go has the same."""
STORAGE_CLASS = "local"
"""Default class: data of a deleted claim is kept until its volume is deleted by hand (``Retain``)."""
DELETING_CLASS = "local-delete"
"""Class whose folders are deleted with their claims (``Delete``)."""


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
    """The storage classes, and the rights of the provisioner."""
    user = credentials.VOLUME_PROVISIONER.common_name
    values = {"retaining": STORAGE_CLASS, "deleting": DELETING_CLASS, "provisioner": PROVISIONER, "user": user}
    return templates.objects("storage.yaml", **values)
