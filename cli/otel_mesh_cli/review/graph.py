"""The service graph of a change as Mermaid, which GitHub and GitLab draw by themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otel_mesh.check.callers import ANYONE

if TYPE_CHECKING:
    from otel_mesh_cli.review.model import Version

_ADDED: Final = "stroke:#1a7f37,stroke-width:3px"
_REMOVED: Final = "stroke:#cf222e,stroke-width:3px,stroke-dasharray:5 4"


def mermaid(before: Version, after: Version) -> str:
    """Both versions in one picture: added parts green, removed ones red and dashed.

    Args:
        before: The base.
        after: The proposed version.
    """
    old, new = edges(before), edges(after)
    was, will = nodes(before, old), nodes(after, new)
    names = sorted({name for edge in old | new for name in edge})
    lines = ["flowchart LR"]
    for name in names:
        gone, fresh = name not in will, name not in was
        mark = ":::removed" if gone else ":::added" if fresh else ""
        lines.append(f'  {_id(name)}["{name}"]{mark}')
    styles = []
    for place, (caller, callee) in enumerate(sorted(old | new)):
        edge = (caller, callee)
        arrow = "-.->|removed|" if edge not in new else "==>|added|" if edge not in old else "-->"
        lines.append(f"  {_id(caller)} {arrow} {_id(callee)}")
        if edge not in new:
            styles.append(f"  linkStyle {place} {_REMOVED}")
        elif edge not in old:
            styles.append(f"  linkStyle {place} {_ADDED}")
    return "\n".join([*lines, *styles, f"  classDef added {_ADDED}", f"  classDef removed {_REMOVED}"])


def edges(version: Version) -> set[tuple[str, str]]:
    """Allowed calls between workloads; what accepts anyone by having no policy is left out.

    Args:
        version: The version.
    """
    return {(version.workload_of(one.caller), one.callee) for one in version.calls if one.caller != ANYONE}


def nodes(version: Version, calls: set[tuple[str, str]]) -> set[str]:
    """Workloads, and what calls them.

    Args:
        version: The version.
        calls: Its edges.
    """
    return set(version.workloads) | {name for call in calls for name in call}


def _id(name: str) -> str:
    return "n_" + re.sub(r"\W", "_", name)
