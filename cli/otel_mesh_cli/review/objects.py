"""Two versions of a stack's objects, compared one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Manifest = dict[str, Any]

_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")

_REPLACING: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "StatefulSet"): (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): ("spec.selector", "spec.template"),
    ("", "PersistentVolumeClaim"): (
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeName",
    ),
    ("", "Secret"): ("type",),
    ("", "Service"): ("spec.clusterIP",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
}
"""Fields whose change replaces the object: ``forceNew`` of pulumi-kubernetes 4.25, provider/pkg/provider/diff.go."""


class Key(NamedTuple):
    """What tells an object from all others of a cluster."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """``Deployment shop/user-service``."""
        return f"{self.kind} {self.place}"

    @property
    def place(self) -> str:
        """``namespace/name``, or the name of a cluster-scoped object."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Action(StrEnum):
    """What an update does with an object."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(frozen=True)
class Change:
    """What an update does with one object.

    Attributes:
        key: The object.
        action: What happens to it.
        before: The object before; None if it is created.
        after: The object afterwards; None if it is deleted.
        fields: Paths of the fields that differ, of an object that exists before and after.
        replacing: Those of the fields for which the object is replaced.
    """

    key: Key
    action: Action
    before: Manifest | None
    after: Manifest | None
    fields: tuple[str, ...] = ()
    replacing: tuple[str, ...] = ()


def key(manifest: Mapping[str, Any]) -> Key:
    """The key of an object."""
    group, _, _ = str(manifest["apiVersion"]).rpartition("/")
    metadata = manifest["metadata"]
    return Key(group, str(manifest["kind"]), str(metadata.get("namespace", "")), str(metadata["name"]))


def compare(before: Iterable[Manifest], after: Iterable[Manifest]) -> tuple[Change, ...]:
    """What an update from one version to another does, ordered by kind and name.

    Args:
        before: Objects of the base.
        after: Objects of the proposed version.
    """
    old, new = ({key(one): one for one in side} for side in (before, after))
    changes = (_change(one, old.get(one), new.get(one)) for one in sorted(old.keys() | new.keys()))
    return tuple(one for one in changes if one is not None)


def _change(which: Key, before: Manifest | None, after: Manifest | None) -> Change | None:
    if before is None or after is None:
        return Change(which, Action.CREATE if before is None else Action.DELETE, before, after)
    fields = tuple(path for path, _, _ in differences(before, after))
    if not fields:
        return None
    immutable = _REPLACING.get((which.group, which.kind), ())
    replacing = tuple(
        one for one in fields if any(one == path or one.startswith((f"{path}.", f"{path}[")) for path in immutable)
    )
    return Change(which, Action.REPLACE if replacing else Action.UPDATE, before, after, fields, replacing)


def at(value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON value
    """The value at a path as `differences` gives it; None if there is none.

    Args:
        value: An object.
        path: Path of the value.
    """
    for name, position in _STEP.findall(path):
        if position:
            value = value[int(position)] if isinstance(value, list) and int(position) < len(value) else None
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 - any JSON value
    """Paths of the fields that differ, each with the value before and after.

    Args:
        before: Value of the base.
        after: Value of the proposed version.
        path: Path of the value.
    """
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from differences(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{path}[{index}]")
    else:
        yield path, before, after
