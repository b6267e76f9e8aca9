"""The command ``smoke``."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

import typer

from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.output import Answer, Output, OutputOption, give


def smoke(output: OutputOption = Output.TEXT) -> None:
    """Send a request and an order through stack `local`, and show their traces and counts."""
    local = embedded.local()
    local.require_running()
    from otel_mesh_cli.smoke import demonstration

    try:
        result = demonstration.run()
    except CommandError as error:
        raise local.explained(error) from error
    give(Answer(asdict(result), partial(demonstration.show, result)), output)


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: otel-mesh smoke")(smoke)
