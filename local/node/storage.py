"""Persistent volumes: a pool of folders on the machine, offered under the storage class ``local``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.node.layout import NODE_NAME

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

STORAGE_CLASS = "local"
RELEASED = "released"
"""The folder beside the volumes with the data of deleted claims."""
_VOLUMES = 12
_CAPACITY = "10Gi"  # what a claim may ask for; a folder has no limit of its own


def names() -> list[str]:
    """Names of the pool's volumes, which are their folders' names too."""
    return [f"local-{number:02}" for number in range(_VOLUMES)]


def make_folders(root: Path) -> None:
    """Have a folder for every volume; kubelet gives it to the pod's group when it mounts it."""
    for name in names():
        (root / name).mkdir(mode=0o755, parents=True, exist_ok=True)


def set_aside(root: Path, name: str, moment: datetime) -> Path:
    """Offer a volume as new whose claim was deleted; its data is kept, as the class promises (``Retain``).

    Args:
        root: the folder that holds the volumes' folders.
        name: the volume's.
        moment: now.

    Returns:
        Where the data is.
    """
    kept = root / RELEASED / f"{name}.{moment:%Y%m%dT%H%M%SZ}"
    kept.parent.mkdir(mode=0o700, exist_ok=True)
    (root / name).rename(kept)
    make_folders(root)
    return kept


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
