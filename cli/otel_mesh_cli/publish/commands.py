"""The command `otel-mesh publish`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from otel_mesh_cli.core.errors import CommandError


class CodeHost(StrEnum):
    """Code hosts."""

    GITHUB = "github"
    GITLAB = "gitlab"


def publish(
    report: Annotated[
        Path,
        typer.Argument(help="Report of `otel-mesh review` as Markdown, or for GitHub as .sarif.", show_default=False),
    ],
    to: Annotated[CodeHost, typer.Option(help="Code host; its token comes from GITHUB_TOKEN or GITLAB_TOKEN.")],
    number: Annotated[
        int | None,
        typer.Option(help="Pull or merge request; by default that of the pipeline's event.", show_default=False),
    ] = None,
) -> None:
    """Post a report as the one comment on its stack, or update that comment."""
    from otel_mesh_cli.publish import text
    from otel_mesh_cli.publish.github import GitHub
    from otel_mesh_cli.publish.gitlab import GitLab

    if report.suffix == ".sarif":
        if to is not CodeHost.GITHUB:
            raise CommandError(f"--to {to}: takes no SARIF", remedy="publish the report as Markdown")
        print(GitHub(number).scanned(report.read_text(encoding="utf-8")))
        return
    content = text.read(report)
    print((GitHub if to is CodeHost.GITHUB else GitLab)(number).publish(content))


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: otel-mesh publish review/report.md --to github")(publish)
