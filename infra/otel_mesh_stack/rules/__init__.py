"""Alert rules of this platform's services."""

from __future__ import annotations

from importlib import resources


def rule_files() -> dict[str, str]:
    """The rule files: name to text."""
    found = (one for one in resources.files(__name__).iterdir() if one.name.endswith(".yaml"))
    return {one.name: one.read_text() for one in sorted(found, key=lambda one: one.name)}
