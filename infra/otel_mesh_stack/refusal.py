"""How a stack's program says no: one message with every mistake, no traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_mesh import Problem


def refusal(problems: Sequence[Problem]) -> pulumi.RunError:
    """What the program raises: the mistakes with path, reason and remedy, under a headline that counts them."""
    count = f"{len(problems)} mistakes" if len(problems) > 1 else "1 mistake"
    lines = "\n".join(f"  {problem}" for problem in problems)
    return pulumi.RunError(f"settings of stack '{pulumi.get_stack()}': {count}, nothing was changed\n{lines}")
