"""Who wrote a field of an object, from its ``metadata.managedFields``.

The API server records every writer's fields. With them, a field that somebody set can be told from the server's
defaults, and a value that a controller maintains from one that a person changed; no dry run is needed, which would take
the permission to patch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ENGINE: Final = "pulumi"
"""Prefix of the field managers of the Kubernetes provider."""
_CONTROLLERS: Final = (
    "cert-manager-cainjector",
    "cloud-controller-manager",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "pilot-discovery",  # istiod, which fills in its webhooks
)
"""Field managers that maintain objects by design."""


@dataclass(frozen=True)
class Owned:
    """Fields at one place of an object that a group of writers owns.

    Attributes:
        trees: One tree of ``fieldsV1`` for each writer.
        everything: Whether every field is owned, whatever the trees say.
    """

    trees: tuple[Mapping[str, Any], ...] = field(default=())
    everything: bool = False

    def __bool__(self) -> bool:
        """Whether any field is owned."""
        return self.everything or bool(self.trees)

    def at(self, name: str) -> Owned | None:
        """The fields below a field; None if it is not owned."""
        return self._below(tree[f"f:{name}"] for tree in self.trees if f"f:{name}" in tree)

    def item(self, value: Any) -> Owned | None:  # noqa: ANN401 - any JSON value
        """The fields of an item in a list; None if it is not owned."""
        return self._below(below for tree in self.trees for name, below in tree.items() if _names(name, value))

    def _below(self, found: Iterator[Mapping[str, Any]]) -> Owned | None:
        trees = tuple(found)
        return Owned(trees, self.everything) if trees or self.everything else None


EVERYTHING: Final = Owned(everything=True)
NOTHING: Final = Owned()


def declared(live: Mapping[str, Any]) -> Owned:
    """Fields that the engine or a person set.

    Args:
        live: Object with its managed fields.
    """
    return Owned(tuple(_trees(live, controllers=False)))


def maintained(live: Mapping[str, Any]) -> Owned:
    """Fields that controllers set.

    Args:
        live: Object with its managed fields.
    """
    return Owned(tuple(_trees(live, controllers=True)))


def _trees(live: Mapping[str, Any], *, controllers: bool) -> Iterator[Mapping[str, Any]]:
    entries = [one for one in live["metadata"].get("managedFields") or () if one.get("subresource") != "status"]
    applied = [one for one in entries if _is_engine(one) and one.get("operation") == "Apply"]
    # the engine's others are patches that other stacks make on purpose
    engine = max(applied, key=lambda one: len(json.dumps(one.get("fieldsV1"))), default=None)
    for entry in entries:
        # without server-side apply the engine owns the defaults too
        is_ours = entry is engine or not _is_engine(entry)
        if is_ours and (entry.get("manager") in _CONTROLLERS) is controllers:
            yield entry.get("fieldsV1") or {}


def _is_engine(entry: Mapping[str, Any]) -> bool:
    return str(entry.get("manager", "")).startswith(_ENGINE)


def _names(part: str, value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Whether a part of ``fieldsV1`` names an item: ``k:{"name":"proxy"}`` by its keys, ``v:"x"`` by its value."""
    kind, _, text = part.partition(":")
    if kind == "k" and isinstance(value, dict):
        keys = json.loads(text)
        # a protocol that is a default is among the keys
        return all(value.get(name, wanted) == wanted for name, wanted in keys.items())
    return kind == "v" and json.loads(text) == value
