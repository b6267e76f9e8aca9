"""The CLI's logs of all its calls, which take most of its processor time, are not written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.stacks import pulumi_cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.engine.stack_program import StackProgram

pytestmark = pytest.mark.engine


def test_an_update_writes_no_log_of_its_calls(tmp_path: Path, new_program: Callable[[Path, str], StackProgram]) -> None:
    program = new_program(tmp_path, "platform_outputs")
    home = tmp_path / "home"
    program.environment["PULUMI_HOME"] = str(home)
    program.up()
    assert list((home / "logs").iterdir()), "the CLI writes none of itself: what make_home does against it can go"
    pulumi_cli.make_home(home)
    program.run("up", "--yes", "--skip-preview")
    assert not (home / "logs").is_dir()
