"""All forms of a report as files, from one comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_cli.review.picture import svg
from otel_mesh_cli.review.sarif import sarif

if TYPE_CHECKING:
    from otel_mesh_cli.review.report import Report

_READABLE = 0o644


def write(report: Report, text: str, out: str) -> None:
    """Write ``report.md``, ``report.json``, ``report.sarif`` and ``graph.svg``.

    Args:
        report: The report.
        text: The report as Markdown.
        out: Folder, which need not exist; its other files stay.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "report.md": text,
        "report.json": json.dumps(report.data(), indent=2),
        "report.sarif": json.dumps(sarif(report), indent=2),
        "graph.svg": svg(report),
    }
    for name, content in texts.items():
        files.write(folder / name, content, mode=_READABLE)
