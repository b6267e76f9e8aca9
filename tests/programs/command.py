"""Commands of real programs that end by themselves, such as promtool's checks."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PATIENCE_S = 180


def output_of(*command: Path | str, environment: Mapping[str, str] | None = None) -> str:
    """Standard output of a command that has to succeed.

    Args:
        command: Program and arguments.
        environment: All of its environment variables; None for those of the test.

    Raises:
        AssertionError: It fails; the message is what it printed.
    """
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
