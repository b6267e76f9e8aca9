"""A Pulumi program run in a test: no engine, no cluster, no registry."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_mesh.core.recording import record
from otel_mesh.testing.declared import Declared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def run_program(
    program: Path | str | Callable[[], object],
    *,
    project: str = "test",
    stack: str = "test",
    config: Mapping[str, Any] | None = None,
    stacks: Mapping[str, Mapping[str, Any]] | None = None,
) -> Declared:
    """Run a Pulumi program and return what it declares. What the program raises is raised here.

    Args:
        program: Folder with a ``__main__.py``, a file, or a function that declares resources.
        project: Name of the Pulumi project.
        stack: Name of the stack.
        config: Configuration, by ``key`` or ``project:key``; what is not text is written as JSON, as Pulumi does.
        stacks: Outputs of the stacks that the program refers to, by full name: ``organization/project/stack``. Those of
            a platform for `Platform.from_stack` are what ``pulumi stack output --json`` prints.

    Raises:
        FileNotFoundError: There is no such program.
    """
    recording = record(
        program if callable(program) else lambda: runpy.run_path(str(_file(Path(program))), run_name="__main__"),
        project=project,
        stack=stack,
        config={
            key if ":" in key else f"{project}:{key}": value if isinstance(value, str) else json.dumps(value)
            for key, value in (config or {}).items()
        },
        stacks=stacks,
    )
    return Declared(recording.objects, recording.outputs)


def _file(program: Path) -> Path:
    file = program / "__main__.py" if program.is_dir() else program
    if not file.exists():
        raise FileNotFoundError(f"{file}: no such program; name a folder with a __main__.py, or a file")
    return file
