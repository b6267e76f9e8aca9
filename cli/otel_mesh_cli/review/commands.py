"""The command `otel-mesh review`."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import typer

from otel_mesh_cli.core.options import LOCAL, Context, PrometheusUrl, Stack


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
    against_traffic: Annotated[
        str, typer.Option(help="Judge the calls of this long by the policies too, e.g. 7d.", show_default=False)
    ] = "",
    prometheus_url: PrometheusUrl = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="Form of the report.")] = Form.MARKDOWN,
    fail_on: Annotated[FailOn, typer.Option(help="Risks that make the command end with 1.")] = FailOn.NONE,
    out: Annotated[
        str, typer.Option(help="Folder for all forms of the report, in place of printing one.", show_default=False)
    ] = "",
) -> None:
    """Report what the checkout's changes do to the mesh of a stack; a commit needs no cluster and no secret."""
    from otel_mesh_cli.drift import sides as deployed
    from otel_mesh_cli.oncall import options
    from otel_mesh_cli.review import sides
    from otel_mesh_cli.review.markdown import comment
    from otel_mesh_cli.review.report import Report
    from otel_mesh_cli.review.sarif import sarif
    from otel_mesh_cli.review.writing import write

    window = options.window(against_traffic, flag="--against-traffic") if against_traffic else None
    command = f"otel-mesh review --stack {stack} --against {against}"
    command += f" --against-traffic {against_traffic}" if window else ""
    given = deployed.both(against, stack, context) if against in deployed.NAMES else sides.both(against, stack)
    report = Report(stack, *given, command)
    if window:
        # here and not above: the addresses that it imports take stack local's file, which a checkout may lack
        from otel_mesh_cli.oncall.sources import Target
        from otel_mesh_cli.review import traffic

        before, after = (side.version.index for side in given)
        judged = traffic.ask(before, after, Target(stack, context, prometheus_url=prometheus_url), window)
        report = replace(report, traffic=judged)
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
