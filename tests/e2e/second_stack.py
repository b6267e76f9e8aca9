"""An example of examples/ as a second stack beside the platform's, by the stock Pulumi CLI."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from otel_mesh_cli.core.paths import repo_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from subprocess import CompletedProcess

PLATFORM = "organization/otel-mesh/local"
"""The platform's stack."""


@contextmanager
def second_stack(
    example: str,
    folder: Path,
    config: Mapping[str, str],
    settings: Mapping[str, str],
    run: Callable[..., CompletedProcess[str]],
) -> Iterator[Callable[..., str]]:
    """The CLI on a deployed copy of an example, which is destroyed afterwards.

    Args:
        example: Folder of the example.
        folder: Empty folder for the copy.
        config: Configuration of the stack.
        settings: Fixture of that name.
        run: Fixture of that name.
    """
    copy = folder / example
    shutil.copytree(repo_dir() / "examples" / example, copy)
    programs = os.pathsep.join(settings["PATH"].split(os.pathsep)[1:])  # without the script for the platform's stack
    program = shutil.which("pulumi", path=programs)
    assert program

    def pulumi(*words: str) -> str:
        own = {"PATH": programs, "PULUMI_STACK": "e2e"}
        done = run(program, "--cwd", str(copy), *words, "--non-interactive", "--color=never", env=own, timeout=400)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pulumi("stack", "init", "e2e", "--no-select")
    try:
        for key, value in config.items():
            pulumi("config", "set", key, value)
        pulumi("up", "--yes", "--skip-preview")
        yield pulumi
    finally:
        pulumi("destroy", "--yes", "--skip-preview")
        pulumi("stack", "rm", "--yes")
