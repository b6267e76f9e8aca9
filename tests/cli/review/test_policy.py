"""The policy file: labels that a pull request needs for its risks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.review import policy
from otel_mesh_cli.review.acceptance import Terms
from otel_mesh_cli.review.kinds import Kind
from otel_mesh_cli.review.markdown import comment
from otel_mesh_cli.review.sarif import sarif
from tests.cli.review import cases, gallery

if TYPE_CHECKING:
    from pathlib import Path

    from otel_mesh_cli.review.report import Report

TEXT = """
labels:
  severe: risk-accepted
  restarts_pods: restart
stacks:
  prod: { opens_access: "security: reviewed", restarts_pods: null }
"""
WRONG = (
    ("labels: { opens_acess: a }", "labels.opens_acess: unknown key; did you mean 'opens_access'?"),
    ("stacks: { prod: { severe: [a] } }", "stacks.prod.severe: should be text; put it into quotes"),
    ("labels: { severe: 'a,b' }", "labels.severe: is not the name of a label; write 1 to 255 characters without , ` |"),
    ("labels: { severe: '' }", "labels.severe: is not the name of a label; write"),
    ("label: {}", "label: unknown key; did you mean 'labels'?"),
    ("- a", ": should be a mapping; write keys with their values below it"),
    ("labels: {\n", ":2: not YAML; correct it"),
)


def judged(name: str, scratch: Path, *labels: str, is_edited: bool = False) -> Report:
    case = cases.named(name)
    terms = Terms(policy.parsed(TEXT, "x"), "main", labels, is_edited)
    return replace(gallery.report(case, scratch), terms=terms)


def test_every_kind_of_risk_has_a_field() -> None:
    others = {"severe", "refused_calls", "check_errors"}
    assert set(policy.Labels.model_fields) - others == {policy.key(kind) for kind in Kind}


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[one[0].strip() for one in WRONG])
def test_a_wrong_policy_is_refused_with_place_reason_and_remedy(text: str, said: str) -> None:
    with pytest.raises(CommandError) as refused:
        policy.parsed(text, policy.FILE)
    assert str(refused.value).startswith(policy.FILE)
    assert said in str(refused.value)


def test_a_stack_that_the_checkout_lacks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / policy.FILE
    file.parent.mkdir()
    file.write_text("stacks: { prdo: {} }")
    (tmp_path / "Pulumi.prod.yaml").touch()
    monkeypatch.setattr(policy, "repo_dir", lambda: tmp_path)
    with pytest.raises(CommandError, match=r"stacks\.prdo: the checkout has no Pulumi\.prdo\.yaml; use one of prod"):
        policy.of_checkout()
    file.unlink()
    assert policy.of_checkout() is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("a, b c", ("a", "b c")),
        ("[]", ()),
        ('[\n  "a,b",\n  "c"\n]', ("a,b", "c")),
    ],
)
def test_labels_come_as_code_hosts_give_them(text: str, expected: tuple[str, ...]) -> None:
    assert policy.listed(text) == expected


@pytest.mark.parametrize("text", ["[a", "[1]"])
def test_labels_that_are_no_json_list_are_refused(text: str) -> None:
    with pytest.raises(CommandError, match="--labels: not a JSON list of names; give it like"):
        policy.listed(text)


def test_a_missing_label_is_named_and_fails(tmp_path: Path) -> None:
    report = judged("collector leaves the mesh", tmp_path, "security: reviewed")
    assert report.fails("policy")
    text = comment(report)
    assert "> [!CAUTION]\n> - label `risk-accepted` is missing and would accept: leaves the mesh (1)\n" in text
    assert "> - label `security: reviewed` accepts: opens access (1)\n>\n> By `.otel-mesh/review.yaml` of main." in text
    assert "restart`" not in text, "stack prod needs no label for restarts"
    found = report.data()["policy"]
    lines = [{"file": cases.FILE, "line": number} for number in changed_lines(report)]
    assert found["missing"] == ["risk-accepted"]
    assert found["labels"] == [
        {"label": "risk-accepted", "accepts": ["leaves the mesh (1)"], "given": False, "lines": lines},
        {"label": "security: reviewed", "accepts": ["opens access (1)"], "given": True, "lines": lines},
    ]


def changed_lines(report: Report) -> list[int]:
    text = report.after.sources[cases.FILE].splitlines()
    return [number for number, line in enumerate(text, 1) if line.strip() == "meshed: false"]


def missing_labels(report: Report) -> list[tuple[str, str, list[tuple[str, int]]]]:
    """Level, message and lines of the SARIF results about labels."""
    results = [one for one in sarif(report)["runs"][0]["results"] if one["ruleId"] == "missing-label"]
    places = [[one["physicalLocation"] for one in result["locations"]] for result in results]
    return [
        (
            result["level"],
            result["message"]["text"],
            [(one["artifactLocation"]["uri"], one["region"]["startLine"]) for one in lines],
        )
        for result, lines in zip(results, places, strict=True)
    ]


def test_a_missing_label_is_a_result_at_the_lines_that_need_it(tmp_path: Path) -> None:
    report = judged("collector leaves the mesh", tmp_path, "security: reviewed")
    said = "label 'risk-accepted' is missing and would accept: leaves the mesh (1); by .otel-mesh/review.yaml of main"
    assert missing_labels(report) == [("error", said, [(cases.FILE, number) for number in changed_lines(report)])]
    unknown = replace(report, after=replace(report.after, sources=report.before.sources))
    assert missing_labels(unknown) == [("error", said, [(policy.FILE, 1)])], "no line of the change is known"
    assert missing_labels(judged("collector leaves the mesh", tmp_path, "security: reviewed", "risk-accepted")) == []


def test_given_labels_pass_whatever_their_order(tmp_path: Path) -> None:
    report = judged("collector leaves the mesh", tmp_path, "x", "security: reviewed", "risk-accepted")
    assert not report.fails("policy")
    assert report.fails("severe")
    assert "> [!NOTE]\n> - label `risk-accepted` accepts: leaves the mesh (1)" in comment(report)


def test_a_change_without_risks_needs_no_label(tmp_path: Path) -> None:
    report = judged("nothing changes", tmp_path)
    assert not report.fails("policy")
    assert policy.FILE not in comment(report)


def test_a_change_of_the_policy_itself_is_said(tmp_path: Path) -> None:
    text = comment(judged("nothing changes", tmp_path, is_edited=True))
    assert "By `.otel-mesh/review.yaml` of main. The change edits that file; the base's decides." in text


def test_this_repositorys_own_policy_is_valid() -> None:
    assert (repo_dir() / policy.FILE).is_file()
    found = policy.of_checkout()
    assert found is not None
    assert found.label("dev", "breaks_calls", severe=True) == "mesh-risk-accepted"
    assert found.label("prod", "weakens_mtls", severe=True) == "security-reviewed"
    assert found.label("local", "deletes_or_replaces_data", severe=True) is None


def test_the_example_of_the_documentation_is_a_policy() -> None:
    text = (repo_dir() / "docs/review.md").read_text()
    found = policy.parsed("labels:" + text.partition("```text\nlabels:")[2].partition("```")[0], "docs")
    assert found.label("prod", "loses_telemetry", severe=False) == "telemetry-loss-accepted"
    assert found.label("local", "breaks_calls", severe=True) is None
    assert found.label("dev", "opens_access", severe=True) == "security-reviewed"
