"""The provider is built without its Go SDK, whose one switch decides which types a chart's objects get."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.engine.stack_program import StackProgram

pytestmark = pytest.mark.engine

_CASE = re.compile(r'^\tcase "([^"]+)":\n.*\n\t\terr := ctx\.RegisterResource\("([^"]+)"', re.MULTILINE)
_ALIASED = "pulumi.Alias"
CUSTOM = {"example.com/v1/Widget": "kubernetes:example.com/v1:Widget"}
"""What the switch's default does with a kind that it does not know."""


@pytest.fixture
def switch(programs: Path) -> dict[str, str]:
    """``apiVersion/kind`` -> type token, as the SDK's source has it."""
    source = (programs / "kinds.go").read_text()
    body = source[source.index("func RegisterResource(") :]
    found = dict(_CASE.findall(body))
    assert len(found) == body.count("\tcase ") > 150
    assert _ALIASED not in body
    return found


def test_a_chart_s_objects_have_the_types_that_the_sdk_gives_them(
    switch: dict[str, str], new_program: Callable[[Path, str], StackProgram], tmp_path: Path
) -> None:
    wanted = switch | CUSTOM
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text(yaml.safe_dump({"apiVersion": "v2", "name": "all", "version": "1.0.0"}))
    objects = []
    names = {}
    for number, place in enumerate(sorted(wanted)):
        version, _, kind = place.rpartition("/")
        names[f"object-{number}"] = place
        objects.append({"apiVersion": version, "kind": kind, "metadata": {"name": f"object-{number}"}})
    (chart / "templates" / "all.yaml").write_text(yaml.safe_dump_all(objects))
    program = new_program(tmp_path, "chart_types")
    program.environment |= {"CHART": str(chart), "RENDERED": str(tmp_path / "rendered")}
    made = {
        names[found[0]]: step["newState"]["type"]
        for step in program.plan()
        if (found := re.findall(r"object-\d+$", step["newState"]["urn"]))
    }
    assert made == wanted
