"""Checks of rule files that reach a running Prometheus, which refuses all its rules where one file is invalid."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

import yaml
from pydantic import Field, model_validator

from otel_mesh.backends.prometheus.rules import SUFFIX, is_rule_file
from otel_mesh.core.errors import InvalidSettingsError, Problem, collecting, join_path, parse
from otel_mesh.core.values import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

_DURATION: Final = r"^([0-9]+(ms|[smhdwy]))+$"
_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}
_STRING: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|' + r"'(?:[^'\\\n]|\\.)*'|`[^`]*`|#[^\n]*")

_Name = Annotated[str, Field(pattern=_NAME)]
_Time = Annotated[str, Field(pattern=_DURATION)]


class _Rule(Settings):
    """An alerting or recording rule."""

    alert: Annotated[str, Field(min_length=1)] | None = None
    record: Annotated[str, Field(pattern=r"^[A-Za-z_:][A-Za-z0-9_:]*$")] | None = None
    expr: Annotated[str, Field(min_length=1)]
    for_: _Time | None = Field(default=None, alias="for")
    keep_firing_for: _Time | None = None
    labels: dict[_Name, str] = Field(default_factory=dict)
    annotations: dict[_Name, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        problems = []
        if (self.alert is None) == (self.record is None):
            problems.append(Problem("", "is neither an alert nor a recorded series", "set either 'alert' or 'record'"))
        if reason := _unbalanced(self.expr):
            problems.append(Problem("expr", reason, "correct the expression; `promtool check rules` names the place"))
        if problems:
            raise InvalidSettingsError(problems)
        return self


class _Group(Settings):
    """A group of rules."""

    name: Annotated[str, Field(min_length=1)]
    interval: _Time | None = None
    limit: int | None = None
    labels: dict[_Name, str] = Field(default_factory=dict)
    rules: tuple[_Rule, ...]


class _File(Settings):
    """A rule file."""

    groups: tuple[_Group, ...]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [group.name for group in self.groups]
        if len(set(names)) < len(names):
            problem = Problem("groups", "two groups have the same name", "give each its own name")
            raise InvalidSettingsError([problem])
        return self


def check_rules(files: Mapping[str, str]) -> None:
    """Rejects rule files that Prometheus would not load, as far as that shows without it.

    Structure, names, durations, quotes and brackets are checked; what an expression means is not.

    Args:
        files: Rule files, name to text.

    Raises:
        InvalidSettingsError: A file is invalid; the error lists every problem.
    """
    problems: list[Problem] = []
    for name, text in files.items():
        path = join_path("rules", name or "''")
        if not is_rule_file(name):
            problems.append(Problem(path, "is not the name of a rule file", f"end it in {SUFFIX}"))
        try:
            content = yaml.safe_load(text)
        except yaml.YAMLError:
            problems.append(Problem(path, "is not YAML", "write a Prometheus rule file"))
            continue
        with collecting(problems):
            parse(_File, content, path)
    if problems:
        raise InvalidSettingsError(problems)


def _unbalanced(expression: str) -> str:
    """What is wrong with the brackets and quotes of an expression; empty if nothing is."""
    bare = _STRING.sub("", expression)
    if any(quote in bare for quote in "\"'`"):
        return "has a quote that does not end"
    opened: list[str] = []
    for one in bare:
        if one in _BRACKETS.values():
            opened.append(one)
        elif one in _BRACKETS and (not opened or opened.pop() != _BRACKETS[one]):
            return f"has a '{one}' without its counterpart"
    return f"has a '{opened[-1]}' without its counterpart" if opened else ""
