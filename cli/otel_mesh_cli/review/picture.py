"""The service graph before and after a change as SVG: the same places in both, what differs in colour and in line.

Added parts are green and thick, removed ones red and dashed, changed ones amber with dots: the picture is read without
colours too. It holds names only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from otel_mesh.check.workloads import KINDS
from otel_mesh_cli.review import graph
from otel_mesh_cli.review.layout import HEIGHT, layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from otel_mesh_cli.review.layout import Layout, Point
    from otel_mesh_cli.review.model import Version
    from otel_mesh_cli.review.report import Report

_MOST: Final = 60
"""Number of nodes up to which all are drawn."""
_CHARACTER: Final = 7.3
_MARGIN: Final = 28
_TITLE: Final = 56
_CORNER: Final = 12
_STYLE: Final = """
  text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #1f2328 }
  .title { font: 600 16px system-ui, sans-serif } .note { font: 12px system-ui, sans-serif; fill: #59636e }
  .place { font-size: 10px; fill: #59636e }
  rect.node { fill: #f6f8fa; stroke: #818b98; stroke-width: 1 }
  path.edge { fill: none; stroke: #818b98; stroke-width: 1.2 } path.head { fill: #818b98 }
  .added rect.node { fill: #dafbe1; stroke: #1a7f37; stroke-width: 3 }
  .removed rect.node { fill: #ffebe9; stroke: #cf222e; stroke-width: 2; stroke-dasharray: 6 4 }
  .changed rect.node { fill: #fff8c5; stroke: #9a6700; stroke-width: 2; stroke-dasharray: 2 3 }
  .added path.edge { stroke: #1a7f37; stroke-width: 3 } .added path.head { fill: #1a7f37 }
  .removed path.edge { stroke: #cf222e; stroke-width: 2.2; stroke-dasharray: 6 4 } .removed path.head { fill: #cf222e }
  .changed path.edge { stroke: #9a6700; stroke-width: 2.2; stroke-dasharray: 2 3 } .changed path.head { fill: #9a6700 }
"""

Edge = tuple[str, str]


def svg(report: Report) -> str:
    """The picture, the same bytes for the same report.

    Args:
        report: The report.
    """
    before, after = report.before.version, report.after.version
    sides = (graph.edges(before), graph.edges(after))
    names = (graph.nodes(before, sides[0]), graph.nodes(after, sides[1]))
    marks = _marks(report, names, sides)
    shown = _shown(names[0] | names[1], sides[0] | sides[1], marks)
    edges = {edge for edge in sides[0] | sides[1] if shown.issuperset(edge)}
    places = layout({name: _width(name) for name in shown}, edges)
    hidden = len((names[0] | names[1]) - shown)
    panels = [
        _panel(title, shown & nodes, edges & calls, marks, places)
        for title, nodes, calls in zip(_titles(report), names, sides, strict=True)
    ]
    return "\n".join(_document(report, places, panels, hidden)) + "\n"


def _marks(report: Report, names: Sequence[set[str]], sides: Sequence[set[Edge]]) -> dict[str | Edge, str]:
    """Nodes and edges that differ, with how."""
    found: dict[str | Edge, str] = {
        change.key.place: "changed" for change in report.changes if change.key.kind in KINDS
    }
    old, new = (_requests(side.version) for side in (report.before, report.after))
    for edge in old.keys() & new.keys():
        if old[edge] != new[edge]:
            found[edge] = "changed"
    for name in names[0] ^ names[1]:
        found[name] = "added" if name in names[1] else "removed"
    for edge in sides[0] ^ sides[1]:
        found[edge] = "added" if edge in sides[1] else "removed"
    return found


def _requests(version: Version) -> dict[Edge, set[str]]:
    found: dict[Edge, set[str]] = {}
    for one in version.calls:
        found.setdefault((version.workload_of(one.caller), one.callee), set()).add(one.what)
    return found


def _shown(names: set[str], edges: set[Edge], marks: Mapping[str | Edge, str]) -> set[str]:
    """All nodes; of many those that differ with their neighbours, or fewer."""
    at_edges = {name for edge in edges if edge in marks for name in edge}
    differing = at_edges | {name for name in names if name in marks}
    beside = {name for edge in edges if differing.intersection(edge) for name in edge}
    choices = (names, differing | beside, differing)
    return next((one for one in choices if len(one) <= _MOST), at_edges)


def _titles(report: Report) -> tuple[str, str]:
    return f"Before: {report.before.name}", f"After: {report.after.name}"


def _width(name: str) -> int:
    return round(max(map(len, _lines(name))) * _CHARACTER) + 2 * _CORNER


def _lines(name: str) -> tuple[str, str]:
    """Namespace and name."""
    namespace, _, rest = name.rpartition("/")
    return namespace, rest


def _document(report: Report, places: Layout, panels: Sequence[Sequence[str]], hidden: int) -> Iterator[str]:
    width = round(max(places.width, 620)) + 2 * _MARGIN
    panel = round(places.height) + _TITLE + _MARGIN
    height = 2 * panel + _TITLE
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' role="img" aria-labelledby="title desc">'
    )
    yield f'<title id="title">{escape(f"Service graph of stack {report.stack}")}</title>'
    yield f'<desc id="desc">{escape(report.verdict)}</desc>'
    yield f"<style>{_STYLE}</style>"
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    for number, lines in enumerate(panels):
        yield f'<g transform="translate({_MARGIN} {number * panel + _MARGIN})">'
        yield from lines
        yield "</g>"
    yield f'<g transform="translate({_MARGIN} {2 * panel + _MARGIN})">'
    yield from _legend(hidden)
    yield "</g>"
    yield "</svg>"


def _panel(
    title: str, names: Iterable[str], edges: Iterable[Edge], marks: Mapping[str | Edge, str], places: Layout
) -> list[str]:
    lines = [f'<text class="title" y="4">{escape(title)}</text>', f'<g transform="translate(0 {_TITLE - _MARGIN})">']
    # what differs lies above what does not
    for edge in sorted(edges, key=lambda one: (one in marks, one)):
        lines += _edge(places.routes[edge], marks.get(edge, "")) if edge in places.routes else []
    for name in sorted(names):
        lines += _node(name, places.nodes[name], marks.get(name, ""))
    return [*lines, "</g>"]


def _node(name: str, place: Point, mark: str) -> list[str]:
    x, y, width = round(place[0]), round(place[1]), _width(name)
    namespace, short = _lines(name)
    return [
        f'<g class="{mark}"><title>{escape(name)}{f": {mark}" if mark else ""}</title>',
        f'<rect class="node" x="{x}" y="{y}" width="{width}" height="{HEIGHT}" rx="6"/>',
        f'<text class="place" x="{x + _CORNER}" y="{y + 17}">{escape(namespace)}</text>',
        f'<text x="{x + _CORNER}" y="{y + 33}">{escape(short)}</text></g>',
    ]


def _edge(points: Sequence[Point], mark: str) -> list[str]:
    """A curve with an arrow at the callee."""
    way = 1 if points[-1][0] > points[-2][0] else -1
    end = (points[-1][0] - way * 8, points[-1][1])
    path = [f"M{_at(points[0])}"]
    for one, two in zip(points, (*points[1:-1], end), strict=False):
        half = (two[0] - one[0]) / 2
        path.append(f"C{_at((one[0] + half, one[1]))} {_at((two[0] - half, two[1]))} {_at(two)}")
    x, y = points[-1]
    head = f"M{_at((x, y))} L{_at((x - way * 9, y - 4.5))} L{_at((x - way * 9, y + 4.5))} Z"
    return [f'<g class="{mark}"><path class="edge" d="{" ".join(path)}"/><path class="head" d="{head}"/></g>']


def _at(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _legend(hidden: int) -> Iterator[str]:
    for number, mark in enumerate(("added", "removed", "changed")):
        x = number * 130
        yield f'<g class="{mark}"><path class="edge" d="M{x} 0 H{x + 40}"/></g>'
        yield f'<text class="note" x="{x + 48}" y="4">{mark}</text>'
    if hidden:
        yield f'<text class="note" x="390" y="4">{hidden} more {"is" if hidden == 1 else "are"} not drawn</text>'
