"""The rehearsal of an upgrade as Markdown: the review's report with what charts alone show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.review import markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh_cli.upgrade.rehearsal import Upgrade

_HEAD = 3
"""Blocks of a report before its risks: mark, title, verdict."""


def comment(report: Upgrade) -> str:
    """The report; what the charts show follows the verdict.

    Args:
        report: The rehearsal.
    """
    blocks = markdown.comment(report).split("\n\n")
    return "\n\n".join([*blocks[:_HEAD], *_sections(report), *blocks[_HEAD:]])


def _sections(report: Upgrade) -> Iterator[str]:
    yield f"From {report.before.name} to {report.after.name}:"
    if report.removed:
        items = "\n".join(f"- `{one}`" for one in report.removed)
        yield f"#### Values that the stack sets and the new charts do not have\n\n{items}"
    if report.definitions:
        items = "\n".join(f"- {one}" for one in report.definitions)
        yield f"#### Definitions\n\n{items}"
    if report.defaults:
        rows = "\n".join(
            f"| {chart} | `{path}` | {_shown(old)} | {_shown(new)} |" for chart, path, old, new in report.defaults
        )
        yield f"#### Changed defaults\n\n| chart | value | before | after |\n|---|---|---|---|\n{rows}"
    if report.waiting:
        names = ", ".join(f"`{one}`" for one in report.waiting)
        yield f"#### Old proxies\n\nNot restarted by the upgrade, and until then with the old proxy: {names}."


def _shown(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return "-" if value is None else f"`{json.dumps(value)}`".replace("|", "\\|")
