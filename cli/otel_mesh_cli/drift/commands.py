"""The command `otel-mesh drift`."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from otel_mesh_cli.core.options import LOCAL, Context, Stack


class Form(StrEnum):
    """Forms of a report."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


def drift(
    stack: Stack = LOCAL,
    context: Context = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="Form of the report.")] = Form.TEXT,
) -> None:
    """Report what others changed in the cluster since the stack's last update; nothing is written."""
    from otel_mesh_cli.drift import sides
    from otel_mesh_cli.drift.report import Drift, text
    from otel_mesh_cli.review.markdown import comment

    command = f"otel-mesh drift --stack {stack}{f' --context {context}' if context else ''}"
    report = Drift(stack, *sides.drift(stack, context), command)
    if output is Form.JSON:
        print(json.dumps(report.data(), indent=2))
    else:
        print(text(report) if output is Form.TEXT else comment(report))
    if report.changes:
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: otel-mesh drift --stack prod --context my-cluster")(drift)
