"""A live object as far as it can be compared with a declared one.

What remains is what somebody set: the server's defaults, status, and what controllers maintain are left out. Values
that this program cannot know (of Secrets, and placeholders of a program that ran without images) count as equal.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.drift.ownership import NOTHING
from otel_mesh_cli.stacks.drift import MARK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_cli.drift.ownership import Owned

_PLACEHOLDER: Final = "placeholder.invalid/"
_CHECKSUM: Final = "otel-mesh.dev/config-checksum"
"""Annotation that includes values of Secrets; a changed ConfigMap shows by itself."""
_NOTES: Final = ("deployment.kubernetes.io/", "kubectl.kubernetes.io/", "pulumi.com/")
"""Prefixes of annotations that programs leave on objects."""
_UNIQUE: Final = ("name", "mountPath", "containerPort", "port", "key", "topologyKey")
"""Fields that tell the items of a list from each other, in the order in which they are tried."""
_QUANTITY: Final = re.compile(r"(-?\d+(?:\.\d+)?)(m|[kKMGTPE]i?)?")
_UNITS: Final = {"m": Decimal("0.001"), **{unit: Decimal(1000) ** (at + 1) for at, unit in enumerate("kMGTPE")}}
_BINARY: Final = {f"{unit}i": Decimal(1024) ** (at + 1) for at, unit in enumerate("KMGTPE")}


def reduced(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what is never compared: status, generated metadata, contents of a Secret.

    Args:
        manifest: Object as declared or live.
    """
    left_out = {"status", "metadata"} | ({"data", "stringData", "type"} if manifest["kind"] == "Secret" else set())
    found = {name: value for name, value in manifest.items() if name not in left_out and not name.startswith("__")}
    metadata = manifest["metadata"]
    kept = {name: metadata[name] for name in ("name", "namespace", "labels", "annotations") if metadata.get(name)}
    if annotations := kept.get("annotations"):
        kept["annotations"] = {name: one for name, one in annotations.items() if not name.startswith(_NOTES)}
    return {**found, "metadata": {name: one for name, one in kept.items() if one}}


def seen(declared: Any, live: Any, set_by: Owned, maintained: Owned = NOTHING) -> Any:  # noqa: ANN401 - any JSON value
    """The live value beside a declared one; the declared one itself where nobody changed it.

    Args:
        declared: Value as declared.
        live: Value in the cluster.
        set_by: Fields that somebody set: those that are not declared show as added.
        maintained: Fields that controllers set: they show as declared.
    """
    if is_unknown(declared) or _same(declared, live):
        return declared
    if isinstance(declared, dict) and isinstance(live, dict):
        return _mapping(declared, live, set_by, maintained)
    if isinstance(declared, list) and isinstance(live, list):
        return _list(declared, live, set_by, maintained)
    return live


def is_unknown(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Whether a declared value stands for one that is not known here."""
    if isinstance(value, dict):
        return MARK in value
    return isinstance(value, str) and value.startswith(_PLACEHOLDER)


def _mapping(declared: Mapping[str, Any], live: Mapping[str, Any], set_by: Owned, maintained: Owned) -> dict[str, Any]:
    found = {}
    for name, value in declared.items():
        controlled = maintained.at(name)
        if name not in live:
            if _is_empty(value):
                found[name] = value  # the API server leaves it out
        elif name == _CHECKSUM or (controlled is not None and not isinstance(live[name], dict | list)):
            found[name] = value
        else:
            found[name] = seen(value, live[name], set_by.at(name) or NOTHING, controlled or NOTHING)
    for name, value in live.items():
        owned = None if name in declared or name.startswith(_NOTES) else set_by.at(name)
        if owned is not None and maintained.at(name) is None:
            added = seen({}, value, owned) if isinstance(value, dict) else value
            if not _is_empty(added):
                found[name] = added
    return found


def _list(declared: list[Any], live: list[Any], set_by: Owned, maintained: Owned) -> list[Any]:
    unique = _unique([*declared], [*live])
    if unique is None:
        pairs = [(value, live[at]) for at, value in enumerate(declared[: len(live)])]
        added = live[len(declared) :]
    else:
        beside = {str(value[unique]): value for value in live}
        known = {str(value[unique]) for value in declared}
        pairs = [(value, beside[str(value[unique])]) for value in declared if str(value[unique]) in beside]
        added = [value for value in live if str(value[unique]) not in known]
    found = [seen(value, one, set_by.item(one) or set_by, maintained.item(one) or NOTHING) for value, one in pairs]
    return [*found, *(one for one in added if maintained.item(one) is None)]


def _unique(*lists: list[Any]) -> str | None:
    """The field that all items of all lists have, each with a value of its own."""
    for name in _UNIQUE:
        if all(isinstance(one, dict) and name in one for items in lists for one in items) and all(
            len({str(one[name]) for one in items}) == len(items) for items in lists
        ):
            return name
    return None


def _same(declared: Any, live: Any) -> bool:  # noqa: ANN401 - any JSON value
    if declared == live or (_is_empty(declared) and _is_empty(live)):
        return True
    amounts = _amount(declared), _amount(live)
    return None not in amounts and amounts[0] == amounts[1]


def _amount(value: Any) -> Decimal | None:  # noqa: ANN401 - any JSON value
    """The value of a quantity such as ``500m`` or ``1Gi``."""
    match = _QUANTITY.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    return Decimal(match[1]) * {**_UNITS, **_BINARY}.get(match[2] or "", Decimal(1)) if match else None


def _is_empty(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return value is None or value is False or value in ("", 0) or value in ({}, [])
