"""The error of a program with invalid settings: one message with every problem, no traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_mesh import Problem


def refusal(problems: Sequence[Problem]) -> pulumi.RunError:
    """The error to raise: all problems with path, reason and remedy, below a headline with their number."""
    count = f"{len(problems)} mistakes" if len(problems) > 1 else "1 mistake"
    lines = "\n".join(f"  {problem}" for problem in problems)
    return pulumi.RunError(f"settings of stack '{pulumi.get_stack()}': {count}, nothing was changed\n{lines}")
