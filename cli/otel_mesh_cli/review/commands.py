"""The command `otel-mesh review`."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.options import LOCAL, Context, PrometheusUrl, Stack

if TYPE_CHECKING:
    from otel_mesh_cli.review.report import Report


class Form(StrEnum):
    """Forms of a report."""

    MARKDOWN = "markdown"
    JSON = "json"
    SARIF = "sarif"


class FailOn(StrEnum):
    """Risks that make the command end with 1; `policy` are those whose label is missing."""

    NONE = "none"
    POLICY = "policy"
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
    labels: Annotated[
        str,
        typer.Option(
            help="Labels of the pull request for the policy in .otel-mesh/review.yaml: a,b or a JSON list.",
            show_default=False,
        ),
    ] = "",
    out: Annotated[
        str, typer.Option(help="Folder for all forms of the report, in place of printing one.", show_default=False)
    ] = "",
    upgrade: Annotated[
        str,
        typer.Option(
            help="Rehearse an upgrade of the mesh in place of a comparison: istio=1.31.2 or linkerd=edge-26.7.2.",
            show_default=False,
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

    started = time.monotonic()
    if upgrade:
        if fail_on is FailOn.POLICY or labels:
            remedy = "leave out --labels, and use --fail-on severe"
            raise CommandError("--upgrade: is not judged by the policy of pull requests", remedy=remedy)
        report, text = _upgrade(stack, upgrade, charts)
    else:
        target = _Target(stack, context, prometheus_url, labels, needs_policy=fail_on is FailOn.POLICY)
        report, text = _comparison(target, against, against_traffic)
    if out:
        write(report, text, out)
    elif output is Form.MARKDOWN:
        print(text, end="")
    else:
        print(json.dumps(report.data() if output is Form.JSON else sarif(report), indent=2))
    # not in the report, of which the same commits have the same bytes
    print(f"otel-mesh: reviewed stack {stack} in {time.monotonic() - started:.1f} s", file=sys.stderr)
    if report.fails(fail_on.value):
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Target:
    """The stack, how its cluster and its Prometheus are reached, and what its policy gets."""

    stack: str
    context: str | None
    prometheus_url: str | None
    labels: str
    needs_policy: bool


def _comparison(target: _Target, against: str, against_traffic: str) -> tuple[Report, str]:
    """The report on two sides, and its Markdown."""
    from otel_mesh_cli.drift import sides as deployed
    from otel_mesh_cli.oncall import options
    from otel_mesh_cli.oncall.sources import Target
    from otel_mesh_cli.review import sides, terms, traffic
    from otel_mesh_cli.review.markdown import comment
    from otel_mesh_cli.review.report import Report
    from otel_mesh_cli.validation.validated import validated

    window = options.window(against_traffic, flag="--against-traffic") if against_traffic else None
    command = f"otel-mesh review --stack {target.stack} --against {against}"
    command += f" --against-traffic {against_traffic}" if window else ""
    from_deployed = against in deployed.NAMES
    agreed = terms.read(None if from_deployed else against, target.labels)
    if target.needs_policy:
        terms.require(agreed)
    given = deployed.both(against, target.stack, target.context) if from_deployed else sides.both(against, target.stack)
    before, after = (side.version.index for side in given)
    base, proposed = validated(before, after)
    report = Report(target.stack, *given, command, validated=(base, proposed), terms=agreed)
    if window:
        place = Target(target.stack, target.context, prometheus_url=target.prometheus_url)
        report = replace(report, traffic=traffic.ask(before, after, place, window))
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
