"""The commands of all packages as one Typer application."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

import typer

from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM: Final = "otel-mesh"
NODE: Final = "node"
"""Name of the commands that the distribution `otel-mesh-embedded` adds."""
ROOMS: Final[Mapping[str, tuple[str, ...]]] = {
    "stacks": ("up", "down", "status", "env", "preview", "render", "pulumi"),
    "checks": ("check",),
    "oncall": ("trace", "slow", "errors", "alerts", "map"),
    "smoke": ("smoke",),
    "compose": ("compose",),
    "review": ("review",),
    "drift": ("drift",),
    "publish": ("publish",),
    "canary": ("canary",),
}
"""Commands by the package whose module `commands` adds them: only the one that is asked for is imported."""

_HELP: Final = """An observable service mesh: bring it up, review what a change does, look into it on call.

Exit status 0: done, or all is well.

Exit status 1: the answer is bad news, e.g. the environment is unhealthy.

Exit status 2: something has to be fixed first, and one line says what.

`otel-mesh pulumi` ends with the status of the Pulumi CLI, an interrupted command with 130.
"""
_EPILOG: Final = """Examples:

otel-mesh up: the embedded environment on this machine, as root

otel-mesh up --stack dev --context my-cluster --registry registry.example.com/shop: a cluster you have

otel-mesh preview --stack prod: what a stack makes, without a cluster

otel-mesh errors --since 1h --output json: what fails, for a program
"""


class _Room(Protocol):
    """A module `commands` of a package."""

    def add_to(self, app: typer.Typer) -> None:
        """Add the package's commands."""


def application(asked: str = "") -> typer.Typer:
    """The application with the one command that is asked for, or with all.

    Args:
        asked: name of a command; a name that there is not stands for all of them.

    Raises:
        CommandError: the command is the embedded distribution's, which is not installed.
    """
    app = typer.Typer(
        name=PROGRAM,
        help=_HELP,
        epilog=_EPILOG,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
    app.callback()(_nothing)
    rooms = [room for room, commands in ROOMS.items() if asked in commands]
    for room in rooms or ([] if asked == NODE else ROOMS):
        cast("_Room", import_module(f"otel_mesh_cli.{room}.commands")).add_to(app)
    if not rooms:
        found = embedded.require(f"{PROGRAM} {NODE}") if asked == NODE else embedded.find()
        if found is not None:
            app.add_typer(found.commands(), name=NODE)
    return app


def _nothing() -> None:
    """Options of the application itself: there are none, but without this a sole command would have no name."""


def run(words: Sequence[str]) -> int:
    """Run a command and return its exit status.

    Args:
        words: the command line after the program's name.

    Raises:
        CommandError: the words are wrong, or the command failed.
    """
    command = typer.main.get_command(application(words[0] if words else ""))
    try:
        status = command.main(args=words, prog_name=PROGRAM, standalone_mode=False)
    except typer.TyperException as error:
        raise _usage(error) from None
    except typer.Abort:
        raise CommandError("aborted: nothing was done", remedy="run it again") from None
    return status if isinstance(status, int) else 0


def _usage(error: typer.TyperException) -> CommandError:
    """A usage error in the form of all errors: place, reason, remedy."""
    context: typer.Context | None = getattr(error, "ctx", None)
    path = context.command_path if context is not None else PROGRAM
    place = path.removeprefix(PROGRAM).strip()
    reason = " ".join(error.format_message().split()).rstrip(".")
    return CommandError(f"{place + ': ' if place else ''}{reason}", remedy=f"see `{path} --help`")
