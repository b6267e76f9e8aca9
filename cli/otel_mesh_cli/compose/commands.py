"""The command ``compose``."""

from __future__ import annotations

import typer

from otel_mesh_cli.core import options


def compose(out: options.Out = "") -> None:
    """Write stack `local` as a Docker Compose project, for a machine with Docker."""
    from otel_mesh_cli import compose as projects

    print(projects.run(out))


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: otel-mesh compose --out compose")(compose)
