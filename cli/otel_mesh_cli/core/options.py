"""Options that commands of several rooms take."""

from __future__ import annotations

from typing import Annotated, Final

import typer

LOCAL: Final = "local"
"""Stack of the embedded environment."""

Stack = Annotated[str, typer.Option(help="Stack of this checkout; `local` is the environment on this machine.")]
Context = Annotated[
    str | None,
    typer.Option(help="Context of the kubeconfig; by default the one in the stack's file.", show_default=False),
]
PrometheusUrl = Annotated[
    str | None, typer.Option(help="Base URL of Prometheus' API, in place of the stack's.", show_default=False)
]
Out = Annotated[
    str,
    typer.Option(help="Folder to write; one that this command wrote before is replaced.", show_default=False),
]


def up_command(stack: str) -> str:
    """The command that deploys a stack, for a person to type."""
    return "otel-mesh up" if stack == LOCAL else f"otel-mesh up --stack {stack}"


def is_elsewhere(stack: str, context: str | None) -> bool:
    """Whether a command is about another cluster than the embedded one."""
    return stack != LOCAL or bool(context)
