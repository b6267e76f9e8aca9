"""The command `otel-mesh review`."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from otel_mesh_cli.core.options import LOCAL, Context, Stack

if TYPE_CHECKING:
    from otel_mesh_cli.review.report import Report


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
    upgrade: Annotated[
        str,
        typer.Option(
            help="Rehearse an upgrade of the mesh in place of a comparison, e.g. istio=1.31.2.", show_default=False
        ),
    ] = "",
    charts: Annotated[
        str,
        typer.Option(
            help="Folder with the charts of the new version; by default from the repository.", show_default=False
        ),
    ] = "",
) -> None:
    """Report what the checkout's changes do to the mesh of a stack; a commit needs no cluster and no secret."""
    from otel_mesh_cli.review.sarif import sarif
    from otel_mesh_cli.review.writing import write

    report, text = _upgrade(stack, upgrade, charts) if upgrade else _comparison(stack, against, context)
    if out:
        write(report, text, out)
    elif output is Form.MARKDOWN:
        print(text, end="")
    else:
        print(json.dumps(report.data() if output is Form.JSON else sarif(report), indent=2))
    found = {FailOn.NONE: (), FailOn.SEVERE: report.severe, FailOn.ANY: report.risks}[fail_on]
    if found:
        raise typer.Exit(1)


def _comparison(stack: str, against: str, context: str | None) -> tuple[Report, str]:
    """The report on two sides, and its Markdown."""
    from otel_mesh_cli.drift import sides as deployed
    from otel_mesh_cli.review import sides
    from otel_mesh_cli.review.markdown import comment
    from otel_mesh_cli.review.report import Report

    command = f"otel-mesh review --stack {stack} --against {against}"
    given = deployed.both(against, stack, context) if against in deployed.NAMES else sides.both(against, stack)
    report = Report(stack, *given, command)
    return report, comment(report)


def _upgrade(stack: str, asked: str, charts: str) -> tuple[Report, str]:
    """The rehearsal of an upgrade, and its Markdown."""
    from otel_mesh_cli.upgrade.markdown import comment
    from otel_mesh_cli.upgrade.rehearsal import rehearse

    report = rehearse(stack, asked, charts)
    return report, comment(report)


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("review", epilog="Example: otel-mesh review --stack prod --against origin/main")(review)
