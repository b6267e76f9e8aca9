"""One side of a comparison, read in a process of its own: `python -m otel_mesh_cli.review.program STACK VARIABLES`.

The process has the side's own library, which may be older or newer than this command: nothing of the checks or of the
report is imported here.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.stacks import stack_file

if TYPE_CHECKING:
    from collections.abc import Mapping

REFUSED: Final = 2
"""Exit status for settings that the program rejects."""
_LACKING: Final = 3
"""Exit status for a program or library without a module that this command needs."""
_CATALOG: Final = "infra/otel_mesh_stack/services.py"


def _read(stack: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """The objects and sources of the program around the working directory."""
    # here and not above: the side's own library may lack what it imports
    from otel_mesh_cli.stacks.declared import declared  # noqa: PLC0415

    file = stack_file.require(stack)
    objects = declared(stack, stack_file.content(file)["config"], variables)
    files = [file, repo_dir() / _CATALOG]
    sources = {str(one.relative_to(repo_dir())): one.read_text(encoding="utf-8") for one in files if one.is_file()}
    environment = str(stack_file.settings(stack).get("environment", ""))
    return {"objects": objects, "environment": environment, "sources": sources}


def _main() -> int:
    """Print one side as JSON, for `otel_mesh_cli.review.sides.read`."""
    try:
        json.dump(_read(sys.argv[1], json.loads(sys.argv[2])), sys.stdout)
    except CommandError as error:
        print(error, file=sys.stderr)
        return REFUSED
    except ImportError as error:
        print(error, file=sys.stderr)
        return _LACKING
    return 0


if __name__ == "__main__":
    sys.exit(_main())
