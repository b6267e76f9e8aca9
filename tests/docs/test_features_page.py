"""The page of features: each is named by the tests that show it, and no test names another."""

from __future__ import annotations

import ast
import os
import re
from collections import defaultdict
from typing import Final

import pytest

from otel_mesh_cli.core.paths import repo_dir

PAGE: Final = repo_dir() / "docs" / "features.md"
ROW: Final = re.compile(r"^\| ([A-Z]\d*(?:\.\d+)?) \| (.+?) \| (.*) \|$", re.MULTILINE)
ID: Final = re.compile(r"\b(?:S[12]\.\d+|[BC]\d+)\b")


def _named() -> dict[str, list[str]]:
    """Modules of tests and benchmarks by the features that their docstrings begin with."""
    found: dict[str, list[str]] = defaultdict(list)
    for folder, pattern in (("tests", "test_*.py"), ("bench", "*.py")):
        for path in sorted((repo_dir() / folder).rglob(pattern)):
            first = (ast.get_docstring(ast.parse(path.read_text())) or "").partition(":")[0]
            for feature in dict.fromkeys(ID.findall(first)):
                found[feature].append(path.relative_to(repo_dir()).as_posix())
    return found


def _row(feature: str, text: str, modules: list[str]) -> str:
    links = ", ".join(f"`{one.removeprefix('tests/').removesuffix('.py')}`" for one in modules)
    return f"| {feature} | {text} | {links} |"


def test_the_page_lists_the_tests_of_each_feature() -> None:
    named = _named()
    wanted = ROW.sub(lambda row: _row(row[1], row[2], named[row[1]]), PAGE.read_text())
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(wanted)
    assert PAGE.read_text() == wanted, "UPDATE_GOLDEN=1 updates it"


def test_tests_name_no_other_feature() -> None:
    assert set(_named()) == {row[1] for row in ROW.finditer(PAGE.read_text())}


@pytest.mark.parametrize("row", list(ROW.finditer(PAGE.read_text())), ids=lambda row: row[1])
def test_a_feature_has_a_test(row: re.Match[str]) -> None:
    assert row[3], f"{row[1]}: no test's docstring begins with it"
