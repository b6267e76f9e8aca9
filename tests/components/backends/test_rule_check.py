"""Rule files of teams: what Prometheus would refuse is refused before it gets there."""

from __future__ import annotations

import pytest

from otel_mesh import InvalidSettingsError
from otel_mesh.backends.prometheus.rule_check import check_rules
from otel_mesh.backends.prometheus.rules import rule_files
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_stack.rules import rule_files as rules_of_the_stack

GROUP = "groups: [{name: a, rules: [%s]}]"


def test_the_rule_files_of_this_repository_are_valid() -> None:
    check_rules({**rule_files(), **rules_of_the_stack()})
    folder = repo_dir() / "examples" / "team_stack" / "monitoring"
    check_rules({one.name: one.read_text() for one in folder.glob("*.rules.yaml")})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("groups: {", "rules.a.rules.yaml: is not YAML; write a Prometheus rule file"),
        ("[]", "rules.a.rules.yaml: should be a mapping"),
        (GROUP % "{alert: A, exp: up}", "rules.a.rules.yaml.groups[0].rules[0].exp: unknown key"),
        (GROUP % "{alert: A}", "rules.a.rules.yaml.groups[0].rules[0].expr: required but missing"),
        (GROUP % "{alert: A, record: b, expr: up}", "rules[0]: is neither an alert nor a recorded series"),
        (GROUP % "{alert: A, expr: up, for: soon}", "rules[0].for: "),
        (GROUP % "{record: a-b, expr: up}", "rules[0].record: "),
        (GROUP % "{alert: A, expr: 'sum(up'}", "rules[0].expr: has a '(' without its counterpart"),
        (GROUP % "{alert: A, expr: 'sum(up})'}", "rules[0].expr: has a '}' without its counterpart"),
        (GROUP % "{alert: A, expr: 'up{job=\"a}'}", "rules[0].expr: has a quote that does not end"),
        ("groups: [{name: a, rules: []}, {name: a, rules: []}]", "groups: two groups have the same name"),
    ],
)
def test_an_invalid_rule_file_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        check_rules({"a.rules.yaml": text})
    assert problem in str(refused.value)


def test_brackets_in_strings_are_not_counted() -> None:
    check_rules({"a.rules.yaml": GROUP % "{alert: A, expr: 'up{job=~\"a(b|c\"} # ) of no one'}"})


def test_another_name_is_refused() -> None:
    with pytest.raises(InvalidSettingsError, match=r"rules.a.yaml: is not the name of a rule file"):
        check_rules({"a.yaml": "groups: []"})
