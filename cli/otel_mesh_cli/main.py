"""Where the command `otel-mesh` starts, and what becomes of its errors: one line, and no traceback."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAILED: Final = 2
_INTERRUPTED: Final = 130


def main(words: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Args:
        words: the command line after the program's name; by default that of this process.
    """
    given = list(sys.argv[1:] if words is None else words)
    try:
        status = _print_env() if given == ["env"] else _run(given)
    except CommandError as error:
        return _refuse(str(error))
    except ValueError as error:  # the catalog, which many commands read
        from otel_mesh.core.errors import InvalidSettingsError

        if not isinstance(error, InvalidSettingsError):
            raise
        return _refuse(str(error))
    except OSError as error:  # a full disk, a folder that cannot be written
        place = f"{error.filename}: " if error.filename else ""
        return _refuse(f"{place}{error.strerror or error}; fix that and run it again")
    except KeyboardInterrupt:
        status = _INTERRUPTED
    if status == _INTERRUPTED:
        print("otel-mesh: interrupted; the next `otel-mesh up` goes on from here", file=sys.stderr)
    return status


def _print_env() -> int:
    """Answer `otel-mesh env` at once: it runs in every shell, and Typer takes longer to load than the answer."""
    from otel_mesh_cli.core import embedded
    from otel_mesh_cli.stacks.shell import export_lines

    print(export_lines(embedded.local().env()))
    return 0


def _run(words: Sequence[str]) -> int:
    from otel_mesh_cli import application

    return application.run(words)


def _refuse(text: str) -> int:
    print(f"otel-mesh: {text}", file=sys.stderr)
    return _FAILED
