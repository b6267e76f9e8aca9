"""The page of checks lists the codes of the program."""

from __future__ import annotations

import os
from typing import Final

from otel_mesh.check import families
from otel_mesh.check.findings import CODES
from otel_mesh_cli.core.paths import repo_dir

PAGE: Final = repo_dir() / "docs" / "checks.md"
MARK: Final = "test_checks_page.py -->\n"


def table() -> str:
    assert families.FAMILIES  # they declare the codes
    lines = ["| code | severity | mistake | consequence | remedy | istioctl |", "|---|---|---|---|---|---|"]
    for one in sorted(CODES.values(), key=lambda code: code.id):
        cells = (one.id, one.severity.value, one.title, one.why, one.remedy, ", ".join(one.istioctl))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def test_the_page_lists_all_codes_as_the_program_has_them() -> None:
    text, mark, listed = PAGE.read_text().partition(MARK)
    assert mark
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(f"{text}{mark}\n{table()}")
    assert PAGE.read_text().partition(MARK)[2].lstrip("\n") == table(), "UPDATE_GOLDEN=1 updates it"
    assert listed or os.environ.get("UPDATE_GOLDEN")
