"""B4, C3: `otel-mesh review` on branches of a real checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.main import main
from tests.cli.oncall.oncall_apis import api
from tests.cli.review import cases, linkerd_cases

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("components", "infra", "Pulumi.yaml", "Pulumi.local.yaml", cases.FILE)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the program, one commit on `main`."""
    tmp_path /= "checkout"
    tmp_path.mkdir()
    for name in PARTS:
        source = repo_dir() / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", ".")
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)


def commit(folder: Path, date: str = "") -> None:
    name = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
    variables = {"GIT_COMMITTER_DATE": date} if date else {}
    command: list[str | Path] = ["git", "-C", folder, *name, "commit", "--quiet", "--all", "--message", "x"]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **variables})


def branch(case: cases.Case, folder: Path) -> None:
    """Give `main` the case's base, and begin a branch with its change, which is not committed."""
    if case.base:
        edit(case.base, folder)
        commit(folder)
    git(folder, "switch", "--quiet", "--create", "change")
    edit(case.edits, folder)


def edit(edits: tuple[cases.Edit, ...], folder: Path) -> None:
    for file, old, new in edits:
        place = folder / file
        assert old in place.read_text()
        place.write_text(place.read_text().replace(old, new))


BRANCHES = [cases.named(one) for one in ("caller added", "caller removed", "canary step", "permissive mTLS")]
BRANCHES += [one for one in linkerd_cases.CASES if one.name.startswith(("caller added", "forgotten fault"))]


@pytest.mark.parametrize("case", BRANCHES, ids=lambda case: case.slug)
def test_c3_a_branch_is_compared_with_main(
    case: cases.Case, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    branch(case, checkout)
    asked = ["review", "--stack", "prod", "--against", "main"]
    assert main(asked) == 0  # not committed yet
    assert f"**{case.verdict}**" in capsys.readouterr().out
    commit(checkout)
    out = checkout.parent / "out"
    assert main([*asked, "--out", str(out), "--fail-on", "any"]) == 1
    assert json.loads((out / "report.json").read_text())["verdict"] == case.verdict
    assert f"**{case.verdict}**" in (out / "report.md").read_text()
    (result, *_) = json.loads((out / "report.sarif").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == case.edits[0][0]
    line = (checkout / place["artifactLocation"]["uri"]).read_text().splitlines()[place["region"]["startLine"] - 1]
    assert line.strip()


def test_c3_a_removed_caller_that_is_seen_in_traffic(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = cases.named("caller removed but seen in traffic")
    branch(case, checkout)

    def prometheus(query: dict[str, str]) -> object:
        """The recorded calls, for the query of their number; no durations and no times."""
        is_number = query["query"].startswith("sum by (client, server, failed)")
        found = [
            {"metric": {"client": caller, "server": callee, "failed": "false"}, "value": [0, str(number)]}
            for (caller, callee), number in case.seen
        ]
        return {"status": "success", "data": {"resultType": "vector", "result": found if is_number else []}}

    with api(api_v1_query=prometheus) as port:
        asked = ("--against-traffic", "7d", "--prometheus-url", f"http://127.0.0.1:{port}", "--fail-on", "severe")
        assert main(["review", "--stack", "prod", "--against", "main", *asked]) == 1
    text = capsys.readouterr().out
    assert f"**{case.verdict}**" in text
    assert "| the base too | `user-service` | `payment-service` | 3 |" in text


def test_c3_observed_calls_need_no_file_of_stack_local(checkout: Path) -> None:
    git(checkout, "rm", "--quiet", "Pulumi.local.yaml")
    commit(checkout)

    def prometheus(_: dict[str, str]) -> object:
        return {"status": "success", "data": {"resultType": "vector", "result": []}}

    with api(api_v1_query=prometheus) as port:
        url = f"http://127.0.0.1:{port}"
        asked = ["--against-traffic", "7d", "--prometheus-url", url, "--output", "json"]
        command = [sys.executable, "-m", "otel_mesh_cli", "review", "--stack", "prod", *asked]
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["traffic"]["compared"] == 0


def test_c3_a_report_has_the_time_of_the_commit_and_not_of_the_run(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    branch(cases.named("canary step"), checkout)
    commit(checkout, "2026-03-01T23:30:00-02:00")
    asked = ["review", "--stack", "prod", "--against", "main"]
    assert main(asked) == 0
    text, error = capsys.readouterr()
    assert ", commit of 2026-03-02 01:30 UTC. This comment is updated" in text
    assert re.fullmatch(r"otel-mesh: reviewed stack prod in \d+\.\d s\n", error)
    assert main([*asked, "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["date"] == "2026-03-02T01:30:00Z"


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("components/otel_mesh/core/recording.py", "No module named 'otel_mesh.core.recording'"),
        ("components", "it has no folder components"),
    ],
)
def test_c3_the_settings_of_a_base_with_another_program_are_read_by_the_checkouts(
    lost: str, said: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = cases.named("canary step")
    edit(case.base, checkout)
    git(checkout, "rm", "-r", "--quiet", lost)
    commit(checkout)
    git(checkout, "switch", "--quiet", "--create", "change")
    git(checkout, "checkout", "HEAD^", "--", lost)
    edit(case.edits, checkout)
    commit(checkout)
    asked = ["review", "--stack", "prod", "--against", "main"]
    assert main(asked) == 0
    text = capsys.readouterr().out
    assert f"**{case.verdict}**" in text
    assert f"this command cannot run the base's program ({said}), so the checkout's program has read" in text
    git(checkout, "switch", "--quiet", "main")
    file = checkout / cases.FILE
    file.write_text(file.read_text().replace("ingress_percentage", "ingres_percentage"))
    commit(checkout)
    git(checkout, "switch", "--quiet", "change")
    assert main(asked) == 2
    error = capsys.readouterr().err
    assert f"--against main, read by the checkout's program as its own fails ({said}): settings of stack" in error
    assert "mesh.tracing.ingres_percentage: unknown key; did you mean 'ingress_percentage'?" in error


def test_c3_a_fault_without_an_end_is_refused_in_production(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = cases.named("fault in production")
    branch(case, checkout)
    file = checkout / cases.FILE
    file.write_text(file.read_text().replace("            expires: 2099-12-31\n", ""))
    assert main(["review", "--stack", "prod", "--against", "main"]) == 2
    assert "services.order-service.traffic.fault.expires: required in production" in capsys.readouterr().err


def test_c3_a_stack_that_the_base_lacks_is_created_whole(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(checkout / cases.FILE, checkout / "Pulumi.fresh.yaml")
    assert main(["review", "--stack", "fresh", "--output", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {one["action"] for one in found["objects"]} == {"create"}


def test_the_policy_of_the_base_asks_for_labels(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = checkout / ".otel-mesh/review.yaml"
    policy.parent.mkdir()
    policy.write_text("labels: { opens_access: security-reviewed }\n")
    git(checkout, "add", ".")
    commit(checkout)
    git(checkout, "switch", "--quiet", "--create", "change")
    edit(cases.named("caller added").edits, checkout)
    policy.write_text("labels: {}\n")
    asked = ["review", "--stack", "prod", "--fail-on", "policy"]
    assert main([*asked, "--labels", '["docs"]']) == 1
    text = capsys.readouterr().out
    assert "> - label `security-reviewed` is missing and would accept: opens access (1)" in text
    assert "By `.otel-mesh/review.yaml` of main. The change edits that file; the base's decides." in text
    assert main([*asked, "--labels", '["docs", "security-reviewed"]']) == 0
    assert "> - label `security-reviewed` accepts: opens access (1)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fail-on", "policy"), "--fail-on policy: neither the base nor the checkout has .otel-mesh/review.yaml"),
        (("--upgrade", "istio=1.31.2", "--labels", "a"), "--upgrade: is not judged by the policy of pull requests"),
        (("--against", "nowhere"), "--against nowhere: no such commit in"),
        (("--against-traffic", "soon"), "--against-traffic soon: not a duration"),
        (("--stack", "nothing"), "stack 'nothing': the checkout has no Pulumi.nothing.yaml"),
    ],
)
def test_c3_a_wrong_question_is_one_line(
    words: tuple[str, ...], said: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checkout.is_dir()
    assert main(["review", "--stack", "prod", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_c3_settings_that_the_program_refuses_are_named(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = checkout / cases.FILE
    file.write_text(file.read_text().replace("ingress_percentage", "ingres_percentage"))
    assert main(["review", "--stack", "prod"]) == 2
    error = capsys.readouterr().err
    assert "mesh.tracing.ingres_percentage: unknown key; did you mean 'ingress_percentage'?" in error
    assert "Traceback" not in error
