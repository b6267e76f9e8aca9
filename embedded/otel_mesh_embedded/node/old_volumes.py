"""Volumes of environments from before there was a provisioner: a fixed pool, offered in advance.

A volume that a claim holds stays as it is, with its data, for as long as the claim lives. The others go: they would
be taken in place of new folders, and several claims could end in the same one.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from otel_mesh_embedded.node.storage import PROVISIONER, STORAGE_CLASS

if TYPE_CHECKING:
    from pathlib import Path

    from otel_mesh_embedded.node.api import Api

RELEASED = "released"
"""The folder beside the volumes with the data of deleted claims."""
_NAME = re.compile(r"local-\d\d")
_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
_VOLUMES = "/api/v1/persistentvolumes"


def retire(api: Api, folder: Path) -> None:
    """Take back what nobody holds; whatever this is killed at, the next call goes on from there.

    Args:
        api: of a cluster that serves.
        folder: holds the volumes' folders.

    Raises:
        CommandError: the API server refuses something.
    """
    found = api.get(f"{_CLASSES}/{STORAGE_CLASS}")
    if found is not None and found["provisioner"] != PROVISIONER:
        # A class cannot be changed. Claims and volumes name it only: they outlive it.
        api.delete(f"{_CLASSES}/{STORAGE_CLASS}")
    listed: dict[str, Any] = api.get(_VOLUMES) or {"items": []}
    held = set()
    for volume in listed["items"]:
        name, phase = volume["metadata"]["name"], volume["status"].get("phase")
        if not _NAME.fullmatch(name) or volume["spec"].get("storageClassName") != STORAGE_CLASS:
            continue
        if phase == "Released":
            set_aside(folder, name, datetime.now(UTC))
        if phase in ("Released", "Available"):
            api.delete(f"{_VOLUMES}/{name}")
        else:
            held.add(name)
    for path in folder.iterdir():
        if _NAME.fullmatch(path.name) and path.name not in held and not any(path.iterdir()):
            path.rmdir()


def set_aside(root: Path, name: str, moment: datetime) -> None:
    """Keep the data of a deleted claim, as its class had promised.

    Args:
        root: the folder that holds the volumes' folders.
        name: the volume's.
        moment: now.
    """
    if not (root / name).is_dir():  # done already by one who was killed before he deleted the volume
        return
    kept = root / RELEASED / f"{name}.{moment:%Y%m%dT%H%M%SZ}"
    kept.parent.mkdir(mode=0o700, exist_ok=True)
    (root / name).rename(kept)
