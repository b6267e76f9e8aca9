"""Environment variables for a shell."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def export_lines(values: Mapping[str, str]) -> str:
    """The variables as a POSIX shell reads them."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())
