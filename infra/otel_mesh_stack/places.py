"""Files and folders that environment variables name."""

from __future__ import annotations

import os
from pathlib import Path

from otel_mesh import InvalidSettingsError, Problem


def variable_path(variable: str, path: str, who: str) -> Path:
    """The path in an environment variable.

    Args:
        variable: Name of the variable.
        path: Path of the setting that needs it, for the message.
        who: What sets the variable, for the message.

    Raises:
        InvalidSettingsError: The variable is not set.
    """
    value = os.environ.get(variable)
    if not value:
        raise InvalidSettingsError([Problem(path, f"{variable} is not set", f"set it ({who})")])
    return Path(value)
