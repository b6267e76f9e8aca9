"""Alert rules for Prometheus: one file per subject, packaged with the library."""

from __future__ import annotations

from importlib import resources
from typing import Final

SUFFIX: Final = ".rules.yaml"


def rule_files() -> dict[str, str]:
    """The rule files, name to text."""
    found = (one for one in resources.files(__name__).iterdir() if one.name.endswith(SUFFIX))
    return {one.name: one.read_text() for one in sorted(found, key=lambda one: one.name)}
