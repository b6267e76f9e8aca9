"""The command `otel-mesh review`."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from otel_mesh_cli.core.options import LOCAL, Context, Stack


class Form(StrEnum):
    """Forms of a report."""

    MARKDOWN = "markdown"
    JSON = "json"
    SARIF = "sarif"


class FailOn(StrEnum):
    """Risks that make the command end with 1."""

    NONE = "none"
    SEVERE = "severe"
    ANY = "any"


def review(  # noqa: PLR0913, PLR0917 - one argument for each option
    stack: Stack = LOCAL,
    against: Annotated[
        str, typer.Option(help="Commit, branch or tag to compare the checkout with; or STATE, or CLUSTER.")
    ] = "main",
    context: Context = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="Form of the report.")] = Form.MARKDOWN,
    fail_on: Annotated[FailOn, typer.Option(help="Risks that make the command end with 1.")] = FailOn.NONE,
    out: Annotated[
        str, typer.Option(help="Folder for all forms of the report, in place of printing one.", show_default=False)
    ] = "",
) -> None:
    """Report what the checkout's changes do to the mesh of a stack; a commit needs no cluster and no secret."""
    from otel_mesh_cli.drift import sides as deployed
    from otel_mesh_cli.review import sides
    from otel_mesh_cli.review.markdown import comment
    from otel_mesh_cli.review.report import Report
    from otel_mesh_cli.review.sarif import sarif
    from otel_mesh_cli.review.writing import write

    command = f"otel-mesh review --stack {stack} --against {against}"
    given = deployed.both(against, stack, context) if against in deployed.NAMES else sides.both(against, stack)
    report = Report(stack, *given, command)
    if out:
        write(report, out)
    elif output is Form.MARKDOWN:
        print(comment(report), end="")
    else:
        print(json.dumps(report.data() if output is Form.JSON else sarif(report), indent=2))
    if report.fails(fail_on.value):
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("review", epilog="Example: otel-mesh review --stack prod --against origin/main")(review)
