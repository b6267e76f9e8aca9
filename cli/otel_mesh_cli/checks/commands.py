"""The command ``check``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from otel_mesh_cli.core import options
from otel_mesh_cli.core.output import console


class Format(StrEnum):
    """Formats of the findings."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


class FailOn(StrEnum):
    """Least severity that ends the command with status 1."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


Files = Annotated[
    list[str] | None,
    typer.Argument(
        help="Files or folders of YAML or JSON, `-` for standard input; by default a stack.", show_default=False
    ),
]


def check(  # noqa: PLR0913, PLR0917 -- options of a command
    files: Files = None,
    stack: options.Stack = options.LOCAL,
    context: options.Context = None,
    against_traffic: Annotated[
        str, typer.Option(help="Compare the access policies with the calls of this long, e.g. 7d.", show_default=False)
    ] = "",
    prometheus_url: options.PrometheusUrl = None,
    fail_on: Annotated[FailOn, typer.Option(help="Least severity that ends with status 1.")] = FailOn.WARNING,
    output: Annotated[Format, typer.Option("--output", "-o", help="Format of the findings.")] = Format.TEXT,
) -> None:
    """Find mistakes across the objects of a stack, or of files, without a cluster."""
    from otel_mesh_cli.checks import run

    asked = run.Request(
        tuple(files or ()), stack, context, against_traffic, prometheus_url, fail_on.value, output.value
    )
    if status := run.run(asked, console()):
        raise typer.Exit(status)


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: otel-mesh check --stack prod --output sarif")(check)
