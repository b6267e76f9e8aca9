"""Persistent volumes: folders on this machine, created on demand by a program of the node."""

from __future__ import annotations

from typing import Any

from otel_mesh_embedded.node import templates
from otel_mesh_embedded.pki import credentials

PROGRAM = "volume-provisioner"
PROVISIONER = "otel-mesh.local/folder"
"""Name of the provisioner in storage classes; its main.go has the same."""
STORAGE_CLASS = "local"
"""Default class: data of a deleted claim is kept until its volume is deleted by hand (``Retain``)."""
DELETING_CLASS = "local-delete"
"""Class whose folders are deleted with their claims (``Delete``)."""


def manifests() -> list[dict[str, Any]]:
    """The storage classes, and the rights of the provisioner."""
    user = credentials.VOLUME_PROVISIONER.common_name
    values = {"retaining": STORAGE_CLASS, "deleting": DELETING_CLASS, "provisioner": PROVISIONER, "user": user}
    return templates.objects("storage.yaml", **values)
