"""Persistent volumes: a pool of folders on the machine, offered under the storage class ``local``."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from local.node.layout import NODE_NAME

if TYPE_CHECKING:
    from pathlib import Path

STORAGE_CLASS = "local"
_VOLUMES = 12
_CAPACITY = "10Gi"  # what a claim may ask for; a folder has no limit of its own


def names() -> list[str]:
    """Names of the pool's volumes, which are their folders' names too."""
    return [f"local-{number:02}" for number in range(_VOLUMES)]


def make_folders(root: Path) -> None:
    """Have a folder for every volume; kubelet gives it to the pod's group when it mounts it."""
    for name in names():
        (root / name).mkdir(mode=0o755, parents=True, exist_ok=True)


def empty(root: Path, name: str) -> None:
    """Make a volume like new: its claim was deleted, and the class promises that its data goes too."""
    shutil.rmtree(root / name)
    make_folders(root)


def manifests(root: Path) -> list[dict[str, Any]]:
    """The storage class and the pool.

    Args:
        root: the folder that holds the volumes' folders.
    """
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Retain",
    }
    return [storage_class, *(_volume(root / name) for name in names())]


def _volume(folder: Path) -> dict[str, Any]:
    on_this_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE_NAME]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": folder.name, "labels": {"app.kubernetes.io/managed-by": "otel-mesh-local"}},
        "spec": {
            "capacity": {"storage": _CAPACITY},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": STORAGE_CLASS,
            "volumeMode": "Filesystem",
            # Not hostPath: kubelet would leave such a volume to root, and no restricted pod could write to it.
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_this_node]}]}},
        },
    }
