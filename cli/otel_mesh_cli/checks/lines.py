"""Lines of fields in files, for reports that point into them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

if TYPE_CHECKING:
    from otel_mesh.check.findings import Finding

_PART: Final = re.compile(r"\[(?P<at>\d+)\]|\[(?P<quoted>[^\]]+)\]|(?P<key>[^.\[\]]+)")


def line(finding: Finding) -> int:
    """Line of a finding's field; that of its object where the field is absent, or the object is part of a List."""
    one = finding.object
    path = Path(one.source)
    if not one.source or not path.is_file():
        return one.line
    documents = _composed(path, path.stat().st_mtime_ns)
    node = documents[one.document] if one.document < len(documents) else None
    if node is None or not _is_whole(node, one.name):
        return one.line
    found = one.line
    for part in _PART.finditer(finding.path):
        step = _step(node, part)
        if step is None:
            break
        found, node = step
    return found


@cache
def _composed(path: Path, changed: int) -> tuple[yaml.Node, ...]:  # noqa: ARG001 - the key of a file's content
    return tuple(yaml.compose_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))


def _is_whole(node: yaml.Node, name: str) -> bool:
    """Whether a document is the object itself, not a List with it."""
    meta = _value(node, "metadata")
    own = _value(meta[1], "name") if meta else None
    return own is not None and getattr(own[1], "value", None) == name


def _step(node: yaml.Node, part: re.Match[str]) -> tuple[int, yaml.Node] | None:
    if part["at"] is not None and isinstance(node, yaml.SequenceNode):
        place = int(part["at"])
        inner = node.value[place] if place < len(node.value) else None
        return (inner.start_mark.line + 1, inner) if inner is not None else None
    return _value(node, part["at"] or part["quoted"] or part["key"])


def _value(node: yaml.Node, key: str) -> tuple[int, yaml.Node] | None:
    """Line and value of a key."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return name.start_mark.line + 1, value
    return None
