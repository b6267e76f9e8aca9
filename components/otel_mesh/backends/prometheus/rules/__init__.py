"""Alert rules for Prometheus: one file per subject, packaged with the library."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Final

import yaml

from otel_mesh.backends.prometheus.objectives import FILE as OBJECTIVES
from otel_mesh.core.errors import InvalidSettingsError, Problem, join_path

if TYPE_CHECKING:
    from collections.abc import Mapping

SUFFIX: Final = ".rules.yaml"

_FILE: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,99}}{re.escape(SUFFIX)}")


def is_rule_file(name: str) -> bool:
    """Whether a name is that of a rule file."""
    return _FILE.fullmatch(name) is not None


def rule_files() -> dict[str, str]:
    """The rule files, name to text."""
    found = (one for one in resources.files(__name__).iterdir() if one.name.endswith(SUFFIX))
    return {one.name: one.read_text() for one in sorted(found, key=lambda one: one.name)}


def alert_names(files: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The names of the alerts by rule file.

    Args:
        files: Rule files, name to text.
    """
    groups = {name: yaml.safe_load(text)["groups"] for name, text in files.items()}
    found = {
        name: dict.fromkeys(rule["alert"] for one in read for rule in one["rules"] if "alert" in rule)
        for name, read in groups.items()
    }
    return {name: tuple(alerts) for name, alerts in found.items() if alerts}


def with_own(further: Mapping[str, str]) -> dict[str, str]:
    """The library's rule files and further ones.

    Args:
        further: Further rule files, name to text.

    Raises:
        InvalidSettingsError: A name does not end in ``.rules.yaml``, or is the name of a rule file of the library.
    """
    own = rule_files()
    problems = [
        Problem(
            join_path("rules", name or "''"),
            "is not the name of a rule file",
            f"end it in {SUFFIX}, such as orders{SUFFIX}",
        )
        for name in further
        if not is_rule_file(name)
    ]
    problems += [
        Problem(join_path("rules", name), "is the name of a rule file of the library", "choose another name")
        for name in further
        if name in own or name == OBJECTIVES
    ]
    if problems:
        raise InvalidSettingsError(problems)
    return {**own, **further}
