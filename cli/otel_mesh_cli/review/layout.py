"""Places for the nodes and edges of a directed graph in layers from left to right; they depend on the graph alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.review import layers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otel_mesh_cli.review.layers import Cell, Edge

    Point = tuple[float, float]

HEIGHT: Final = 44
"""Height of a node."""
_BETWEEN: Final = 18
"""Space between nodes of a layer."""
_BEND: Final = 14
"""Height of an edge that passes a layer."""
_LAYERS: Final = 110
"""Space between layers."""
_SWEEPS: Final = 12
_PORTS: Final = 9
"""Largest distance of two edges at a side of a node."""


@dataclass(frozen=True)
class Layout:
    """A graph with places.

    Attributes:
        width: Width of everything.
        height: Height of everything.
        nodes: Left upper corners of the nodes.
        routes: Points of each edge from its caller to its callee.
    """

    width: float
    height: float
    nodes: Mapping[str, Point]
    routes: Mapping[Edge, tuple[Point, ...]]


def layout(widths: Mapping[str, int], edges: Iterable[Edge]) -> Layout:
    """Places for a graph.

    Args:
        widths: Width of each node.
        edges: Pairs of nodes.
    """
    given = sorted({edge for edge in edges if edge[0] != edge[1]})
    joined = {name for edge in given for name in edge}
    forward = layers.without_cycles(sorted(joined), given)
    layer = layers.layers(sorted(joined), forward)
    chains = {edge: layers.chain(edge, layer) for edge in forward}
    columns = layers.ordered(layer, chains)
    ends = _ends(columns, widths)
    heights = _heights(columns, layers.neighbours(chains))
    top = min((y - _size(cell) / 2 for cell, y in heights.items()), default=0)
    centre = {cell: y - top for cell, y in heights.items()}
    nodes = {one: (float(ends[layer[one]][0]), centre[one] - HEIGHT / 2) for one in sorted(joined)}
    bottom = max((y + _size(cell) / 2 for cell, y in centre.items()), default=0)
    apart, width, height = _rows(
        [one for one in sorted(widths) if one not in joined], widths, (ends[-1][1] if ends else 0, bottom)
    )
    routes = _routes(given, chains, centre, (layer, ends, widths))
    return Layout(width, height, {**nodes, **apart}, routes)


def _ends(columns: Sequence[Sequence[Cell]], widths: Mapping[str, int]) -> list[tuple[int, int]]:
    """Left and right edge of each layer."""
    found, left = [], 0
    for column in columns:
        right = left + max((widths[one] for one in column if isinstance(one, str)), default=0)
        found.append((left, right))
        left = right + _LAYERS
    return found


def _size(cell: Cell) -> float:
    return HEIGHT + _BETWEEN if isinstance(cell, str) else _BEND


def _heights(columns: Sequence[Sequence[Cell]], near: Mapping[Cell, Sequence[Cell]]) -> dict[Cell, float]:
    """Centre of each cell: near the mean of its neighbours, in the order of its layer and without overlaps."""
    found: dict[Cell, float] = {}
    for column in columns:
        below = 0.0
        for cell in column:
            found[cell] = below + _size(cell) / 2
            below += _size(cell)
    for sweep in range(_SWEEPS):
        for column in columns[:: 1 if sweep % 2 == 0 else -1]:
            wanted = [sum(found[one] for one in near[cell]) / len(near[cell]) for cell in column]
            placed: list[float] = []
            for cell, want in zip(column, wanted, strict=True):
                least = placed[-1] + (_size(column[len(placed) - 1]) + _size(cell)) / 2 if placed else want
                placed.append(max(want, least))
            shift = sum(want - got for want, got in zip(wanted, placed, strict=True)) / len(column)
            found |= {cell: got + shift for cell, got in zip(column, placed, strict=True)}
    return found


def _rows(names: Sequence[str], widths: Mapping[str, int], size: Point) -> tuple[dict[str, Point], float, float]:
    """Rows of nodes without edges, below everything else, and the size with them."""
    found: dict[str, Point] = {}
    limit = max(size[0], 900)
    left, top, right = 0.0, size[1] + (_BETWEEN if size[1] else 0), size[0]
    for name in names:
        if left and left + widths[name] > limit:
            left, top = 0.0, top + HEIGHT + _BETWEEN
        found[name] = (left, top)
        left += widths[name] + _BETWEEN
        right = max(right, left - _BETWEEN)
    return found, right, top + HEIGHT if names else size[1]


def _routes(
    edges: Sequence[Edge],
    chains: Mapping[Edge, Sequence[Cell]],
    centre: Mapping[Cell, float],
    columns: tuple[Mapping[str, int], Sequence[tuple[int, int]], Mapping[str, int]],
) -> dict[Edge, tuple[Point, ...]]:
    """Points of the edges; those at one side of a node have places of their own, in the order of their other ends."""
    layer, ends, widths = columns
    sides: dict[tuple[str, int], list[tuple[float, Edge]]] = defaultdict(list)
    used = {edge: chains.get(edge) or chains[edge[1], edge[0]][::-1] for edge in edges}
    for edge, chain in used.items():
        for end, inner in ((chain[0], chain[1]), (chain[-1], chain[-2])):
            side = 1 if _layer(inner, layer) > layer[str(end)] else -1
            sides[str(end), side].append((centre[inner], edge))
    ports = {
        (name, side, edge): (row - (len(given) - 1) / 2) * min(_PORTS, (HEIGHT - 8) / len(given))
        for (name, side), given in sides.items()
        for row, (_, edge) in enumerate(sorted(given))
    }
    found = {}
    for edge, chain in used.items():
        points = []
        for cell, inner in ((chain[0], chain[1]), (chain[-1], chain[-2])):
            name = str(cell)
            side = 1 if _layer(inner, layer) > layer[name] else -1
            x = ends[layer[name]][0] + (widths[name] if side > 0 else 0)
            points.append((float(x), centre[cell] + ports[name, side, edge]))
        way = 1 if layer[str(chain[0])] < layer[str(chain[-1])] else -1
        bends = [(float(x), centre[cell]) for cell in chain[1:-1] for x in ends[_layer(cell, layer)][::way]]
        found[edge] = (points[0], *bends, points[1])
    return found


def _layer(cell: Cell, layer: Mapping[str, int]) -> int:
    return layer[cell] if isinstance(cell, str) else cell[2]
