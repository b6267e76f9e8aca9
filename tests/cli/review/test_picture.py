"""The picture of a change: the service graph before and after as SVG."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from bench import check
from bench.review import changed
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.review.layout import HEIGHT, layout
from otel_mesh_cli.review.model import Version
from otel_mesh_cli.review.picture import svg
from otel_mesh_cli.review.report import Report, Side
from tests.cli.review import cases, gallery

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from otel_mesh_cli.review.layers import Edge

SVG = "{http://www.w3.org/2000/svg}"
CYCLE = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "c"), ("b", "a"), ("d", "d"), ("e", "c")]
LADDER = [(f"n{one}", f"n{two}") for one in range(12) for two in range(one + 1, min(one + 5, 12))]


def panels_of(picture: str) -> list[ET.Element]:
    return ET.fromstring(picture).findall(f"{SVG}g")[:2]  # noqa: S314 - our own text


def places(picture: str, mark: str) -> list[list[str]]:
    """Names of the nodes with a mark, before and after."""
    return [list(_titles(panel, mark)) for panel in panels_of(picture)]


def _titles(panel: ET.Element, mark: str) -> Iterator[str]:
    for group in panel.iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        if title is not None and group.get("class") == mark:
            yield str(title.text).removesuffix(f": {mark}")


def edges(picture: str, mark: str) -> list[int]:
    """Numbers of the edges with a mark, before and after."""
    groups = [[one for one in panel.iter(f"{SVG}g") if one.get("class") == mark] for panel in panels_of(picture)]
    return [sum(one.find(f"{SVG}path[@class='edge']") is not None for one in panel) for panel in groups]


def a_report(name: str, scratch: Path) -> Report:
    return gallery.report(cases.named(name), scratch)


def test_added_removed_and_changed_parts_are_marked_in_the_panel_that_has_them(tmp_path: Path) -> None:
    picture = svg(a_report("service renamed", tmp_path))
    assert places(picture, "removed") == [["shop/user-service"], []]
    assert places(picture, "added") == [[], ["shop/member-service"]]
    assert "shop/api-gateway" in places(picture, "changed")[0]
    assert edges(picture, "removed")[1] == edges(picture, "added")[0] == 0
    assert edges(picture, "removed")[0] == edges(picture, "added")[1] > 0


def test_a_change_of_nothing_marks_nothing(tmp_path: Path) -> None:
    picture = svg(a_report("nothing changes", tmp_path))
    before, after = places(picture, "")
    assert before == after != []
    assert all(places(picture, mark) == [[], []] for mark in ("added", "removed", "changed"))


def test_no_secret_is_in_a_picture_and_names_are_escaped(tmp_path: Path) -> None:
    picture = svg(gallery.with_secrets(a_report("secret renamed", tmp_path)))
    assert not [one for one in gallery.SECRETS if one in picture]
    side = Side('a <"&', Version(()), {})
    assert 'Before: a &lt;"&amp;' in svg(Report("prod", side, side, ""))


def test_of_many_workloads_those_that_differ_and_their_neighbours_are_drawn() -> None:
    before = check.objects(200)
    old, new = (Side(name, Version(tuple(one)), {}) for name, one in (("a", before), ("b", changed(before))))
    picture = svg(Report("prod", old, new, ""))
    drawn = places(picture, "")[0]
    assert {"shop/service-4", "shop/service-5"} <= set(drawn)
    assert len(drawn) < 20
    assert f"{201 - len(drawn)} more are not drawn" in picture


def test_the_bytes_do_not_depend_on_the_order_of_sets() -> None:
    text = (
        "from bench import check; from bench.review import changed; from otel_mesh_cli.review.model import Version\n"
        "from otel_mesh_cli.review.picture import svg; from otel_mesh_cli.review.report import Report, Side\n"
        "a = check.objects(40); b = changed(a)\n"
        "print(svg(Report('x', *(Side('s', Version(tuple(one)), {}) for one in (a, b)), '')))"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", text],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=repo_dir(),
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(made) == 1
    assert b"</svg>" in made.pop()


@pytest.mark.parametrize("given", [CYCLE, LADDER, []], ids=["cycle", "ladder", "none"])
def test_nodes_do_not_overlap_and_edges_end_at_their_nodes(given: list[Edge]) -> None:
    names = {name for edge in given for name in edge} | {"alone", "other"}
    widths = {name: 60 + 10 * len(name) for name in names}
    made = layout(widths, given)
    assert set(made.nodes) == names
    for one, two in itertools.combinations(sorted(names), 2):
        (left, top), (x, y) = made.nodes[one], made.nodes[two]
        assert abs(top - y) >= HEIGHT or left + widths[one] <= x or x + widths[two] <= left, (one, two)
    assert all(x >= 0 and y >= 0 for x, y in made.nodes.values())
    assert all(made.nodes[one][0] + widths[one] <= made.width for one in names)
    assert all(made.nodes[one][1] + HEIGHT <= made.height for one in names)
    assert set(made.routes) == {edge for edge in given if edge[0] != edge[1]}
    for edge, route in made.routes.items():
        for name, (x, y) in zip(edge, (route[0], route[-1]), strict=True):
            left, top = made.nodes[name]
            assert x in {left, left + widths[name]}
            assert top < y < top + HEIGHT


def test_callers_stand_left_of_callees_where_no_cycle_prevents_it() -> None:
    made = layout(dict.fromkeys(_names(LADDER), 60), LADDER)
    assert all(made.nodes[one][0] < made.nodes[two][0] for one, two in LADDER)


def _names(given: Iterable[Edge]) -> list[str]:
    return sorted({name for edge in given for name in edge})
