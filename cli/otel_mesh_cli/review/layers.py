"""Layers of a directed graph, and the order of the nodes in each: callers before callees, with few crossings.

The steps are those of Sugiyama, Tagawa and Toda (1981): cycles are opened, nodes get layers by the longest path, edges
that pass layers get a cell in each, and layers are ordered by the mean place of their neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Edge = tuple[str, str]
    Cell = str | tuple[str, str, int]
    """A node, or an edge in a layer that it passes."""

_SWEEPS: Final = 12


def without_cycles(names: Sequence[str], edges: Sequence[Edge]) -> list[Edge]:
    """The edges, those that close a cycle turned round.

    Args:
        names: Nodes in the order in which they are looked at.
        edges: Pairs of nodes.
    """
    after: dict[str, list[str]] = defaultdict(list)
    for caller, callee in edges:
        after[caller].append(callee)
    called = {callee for _, callee in edges}
    order: list[str] = []
    seen: set[str] = set()
    for start in sorted(names, key=lambda one: (one in called, one)):
        stack = [] if start in seen else [(start, iter(after[start]))]
        seen.add(start)
        while stack:
            _, rest = stack[-1]
            if callee := next((one for one in rest if one not in seen), ""):
                seen.add(callee)
                stack.append((callee, iter(after[callee])))
            else:
                order.append(stack.pop()[0])
    place = {name: number for number, name in enumerate(reversed(order))}
    return sorted({(one, two) if place[one] < place[two] else (two, one) for one, two in edges})


def layers(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Number of the layer by node: the longest way from a node that nobody calls, which itself is beside its callees.

    Args:
        names: Nodes.
        edges: Pairs of nodes without a cycle.
    """
    before, after = defaultdict(list), defaultdict(list)
    for caller, callee in edges:
        before[callee].append(caller)
        after[caller].append(callee)
    found: dict[str, int] = {}
    waiting = {name: len(before[name]) for name in names}
    ready = [name for name in names if not waiting[name]]
    for name in ready:
        found[name] = max((found[one] + 1 for one in before[name]), default=0)
        for one in after[name]:
            waiting[one] -= 1
            if not waiting[one]:
                ready.append(one)
    return {
        name: number if before[name] else min(found[one] for one in after[name]) - 1 for name, number in found.items()
    }


def chain(edge: Edge, layer: Mapping[str, int]) -> tuple[Cell, ...]:
    """An edge from its first node to its last, with a cell in each layer between them.

    Args:
        edge: Pair of nodes.
        layer: Number of the layer by node.
    """
    first, last = layer[edge[0]], layer[edge[1]]
    return (edge[0], *((*edge, number) for number in range(first + 1, last)), edge[1])


def neighbours(chains: Mapping[Edge, Sequence[Cell]]) -> dict[Cell, list[Cell]]:
    """Cells beside each cell, in the layer before and the layer behind.

    Args:
        chains: Cells of each edge, as of `chain`.
    """
    found: dict[Cell, list[Cell]] = defaultdict(list)
    for cells in chains.values():
        for one, two in pairwise(cells):
            found[one].append(two)
            found[two].append(one)
    return found


def ordered(layer: Mapping[str, int], chains: Mapping[Edge, Sequence[Cell]]) -> list[list[Cell]]:
    """Cells of each layer, ordered by the mean place of their neighbours in the layers before and behind.

    Args:
        layer: Number of the layer by node.
        chains: Cells of each edge, as of `chain`.
    """
    columns: list[list[Cell]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    at: dict[Cell, int] = {}
    for name in sorted(layer):
        at[name] = layer[name]
        columns[at[name]].append(name)
    for cells in chains.values():
        for cell in cells[1:-1]:
            at[cell] = int(cell[2])
            columns[at[cell]].append(cell)
    near = neighbours(chains)
    for sweep in range(_SWEEPS):
        step = 1 if sweep % 2 == 0 else -1
        for number in range(len(columns))[::step]:
            place = {cell: row for column in columns for row, cell in enumerate(column)}
            beside = {cell: [place[one] for one in near[cell] if at[one] == number - step] for cell in columns[number]}
            columns[number].sort(
                key=lambda cell: sum(beside[cell]) / len(beside[cell]) if beside[cell] else place[cell]
            )
    return columns
