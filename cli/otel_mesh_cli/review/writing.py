"""All forms of a report as files, from one comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_cli.review.markdown import comment
from otel_mesh_cli.review.sarif import sarif

if TYPE_CHECKING:
    from otel_mesh_cli.review.report import Report

_READABLE = 0o644


def write(report: Report, out: str) -> None:
    """Write ``report.md``, ``report.json`` and ``report.sarif``.

    Args:
        report: The report.
        out: Folder, which need not exist; its other files stay.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "report.md": comment(report),
        "report.json": json.dumps(report.data(), indent=2),
        "report.sarif": json.dumps(sarif(report), indent=2),
    }
    for name, text in texts.items():
        files.write(folder / name, text, mode=_READABLE)
