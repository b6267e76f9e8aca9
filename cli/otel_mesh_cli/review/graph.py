"""The service graph of a change as Mermaid, which GitHub and GitLab draw by themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otel_mesh.check.callers import ANYONE
from otel_mesh_cli.review.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh_cli.review.kinds import Risk
    from otel_mesh_cli.review.model import Version

    Edge = tuple[str, str]

_ADDED: Final = "stroke:#1a7f37,stroke-width:3px"
_REMOVED: Final = "stroke:#cf222e,stroke-width:3px,stroke-dasharray:5 4"
_CHANGED: Final = "stroke:#bf8700,stroke-width:3px"
_READABLE_EDGES: Final = 16
"""Number of calls up to which those of the callers and callees of changed calls are drawn too."""
_MOST_EDGES: Final = 60
"""Number of calls beyond which only those that differ are drawn; Mermaid draws no more than 500."""
_MOST_DIFFERING: Final = 200
_MARKED: Final = frozenset({Kind.STOPS, Kind.LEAVES, Kind.FAULT, Kind.TRAFFIC, Kind.RETRIES})
"""Kinds of risk whose workload is marked as changed."""
_PLACE: Final = re.compile(r"[a-z0-9-]+/[a-z0-9.-]+")


def picture(before: Version, after: Version, risks: Iterable[Risk] = ()) -> str:
    """The part of the graph that changes, with its neighbors; empty if nothing in it changes.

    Args:
        before: The base.
        after: The proposed version.
        risks: Risks of the change.
    """
    old, new = edges(before), edges(after)
    differing = old ^ new
    known = before.workloads.keys() | after.workloads.keys()
    named = {place for risk in risks if risk.kind in _MARKED for place in _PLACE.findall(risk.subject)}
    changed = named & known
    focus = {name for edge in differing for name in edge} | changed
    if not focus:
        return ""
    if len(differing) > _MOST_DIFFERING:
        return f"{len(differing)} calls differ: too many for a picture."
    fresh = nodes(before, old) ^ nodes(after, new)
    near, nearer = ({edge for edge in old | new if core & set(edge)} | differing for core in (focus, changed | fresh))
    choices = ((near, _READABLE_EDGES), (nearer, _MOST_EDGES), (differing, _MOST_DIFFERING))
    shown = next(edges for edges, most in choices if len(edges) <= most)
    drawn = {name for edge in shown for name in edge} | changed
    rest, calls = len(known - drawn), len({edge for edge in old | new if drawn.issuperset(edge)} - shown)
    left = [f"{rest} other workload{'s' * (rest > 1)}"] * bool(rest) + [
        f"{calls} call{'s' * (calls > 1)} between these"
    ] * bool(calls)
    drawing = _mermaid((before, after), shown, drawn, changed)
    legend = ((_ADDED, "Green: added."), (_REMOVED, "Red and dashed: removed."), (_CHANGED, "Yellow: changed."))
    note = "\n\n" + " ".join(words for style, words in legend if style in drawing)
    note += f" Not drawn, as they stay: {' and '.join(left)}." if left else ""
    return f"```mermaid\n{drawing}\n```{note}"


def _mermaid(sides: tuple[Version, Version], shown: set[Edge], names: set[str], changed: set[str]) -> str:
    """Both versions in one picture: added parts green, removed ones red and dashed, changed ones yellow."""
    old, new = map(edges, sides)
    was, will = (nodes(version, found) for version, found in zip(sides, (old, new), strict=True))
    ids = {name: f"n{place}" for place, name in enumerate(sorted(names))}
    lines = ["flowchart LR"]
    for name, one in ids.items():
        mark = ":::removed" if name not in will else ":::added" if name not in was else ":::changed" * (name in changed)
        text = name.replace('"', "'")
        lines.append(f'  {one}["{text}"]{mark}')
    styles = []
    for place, (caller, callee) in enumerate(sorted(shown)):
        edge = (caller, callee)
        arrow = "-.->" if edge not in new else "==>" if edge not in old else "-->"
        lines.append(f"  {ids[caller]} {arrow} {ids[callee]}")
        if edge not in new:
            styles.append(f"  linkStyle {place} {_REMOVED}")
        elif edge not in old:
            styles.append(f"  linkStyle {place} {_ADDED}")
    classes = {"added": _ADDED, "removed": _REMOVED, "changed": _CHANGED}
    used = {name: style for name, style in classes.items() if any(line.endswith(f":::{name}") for line in lines)}
    return "\n".join([*lines, *styles, *(f"  classDef {name} {style}" for name, style in used.items())])


def edges(version: Version) -> set[Edge]:
    """Allowed calls between workloads; what accepts anyone by having no policy is left out.

    Args:
        version: The version.
    """
    return {(version.workload_of(one.caller), one.callee) for one in version.calls if one.caller != ANYONE}


def nodes(version: Version, calls: set[Edge]) -> set[str]:
    """Workloads, and what calls them.

    Args:
        version: The version.
        calls: Its edges.
    """
    return set(version.workloads) | {name for call in calls for name in call}
