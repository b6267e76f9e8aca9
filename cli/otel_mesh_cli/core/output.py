"""Answers of commands: text for a person, or with `--output json` data for a program."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

_WIDE = 160
"""Columns where the output is no terminal: a trace through a mesh needs 120."""


class Output(StrEnum):
    """Formats of an answer."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Format of the answer.")]
"""The option `--output` of every command that answers a question; its default is `Output.TEXT`."""


@dataclass(frozen=True)
class Answer:
    """What a command found out."""

    data: Any
    """Values that JSON can hold."""
    show: Callable[[Console], None]
    """Prints the same for a person."""
    exit_code: int = 0
    """0, or 1 if the answer is bad news (unhealthy, different, missing)."""


def give(answer: Answer, output: Output) -> None:
    """Print an answer and, if its exit code is not 0, end the command with it.

    Raises:
        typer.Exit: the exit code is not 0.
    """
    if output is Output.JSON:
        json.dump(answer.data, sys.stdout, indent=2, default=str)
        sys.stdout.write("\n")
    else:
        answer.show(console())
    if answer.exit_code:
        raise typer.Exit(answer.exit_code)


def console() -> Console:
    """Standard output; as wide as the terminal, or 160 columns where there is none."""
    from rich.console import Console

    is_sized = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if is_sized else _WIDE)
