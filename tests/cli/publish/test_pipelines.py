"""C3: the GitHub action, the workflows and the GitLab template: their shell steps against a code host on loopback."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from otel_mesh_cli.core.paths import repo_dir
from tests.cli.publish import pipeline_steps
from tests.cli.publish.code_hosts import TOKEN
from tests.cli.publish.pipeline_steps import COMMAND, COMMENTING, Runner, action_inputs, action_steps, gitlab_job

if TYPE_CHECKING:
    from pathlib import Path

    from tests.built import Built
    from tests.cli.publish.code_hosts import CodeHost

MARK = "<!-- otel-mesh review: prod -->"
PINNED = re.compile(r"[a-z-]+/[a-z-]+@[0-9a-f]{40} # v\d+(\.\d+)*")
OF_FORK = "github.event.pull_request.head.repo.full_name != github.repository || github.actor == 'dependabot[bot]'"


@pytest.fixture
def runner(tmp_path: Path, in_github: Path) -> Runner:
    """A job on a pull request of a branch of the repository itself, after the review."""
    assert in_github.exists()
    report = tmp_path / "otel-mesh-review/prod"
    report.mkdir(parents=True)
    (report / "report.md").write_text(f"{MARK}\n\n**1 call is refused.**\n")
    (report / "report.sarif").write_text('{"version": "2.1.0"}')
    outputs = {"steps.review.outputs.report": str(report), "steps.review.outputs.status": "1", OF_FORK: "false"}
    inputs = action_inputs(stack="prod", command=COMMAND, token=TOKEN, fail_on="severe")
    return Runner(repo_dir(), tmp_path, {**inputs, **outputs})


def test_the_action_comments_once_and_updates_the_comment(host: CodeHost, runner: Runner) -> None:
    said = [runner.run(action_steps()["Comment"]) for _ in range(2)]
    assert [(one.returncode, one.stderr) for one in said] == [(0, ""), (0, "")]
    assert [one.stdout.split()[0] for one in said] == ["created", "updated"]
    assert len(host.comments) == 1


def test_a_fork_has_its_report_in_the_summary_and_is_told_so(host: CodeHost, runner: Runner) -> None:
    host.read_only = True
    runner.expressions[OF_FORK] = "true"
    done = runner.run(action_steps()["Comment"])
    assert (done.returncode, host.comments) == (0, [])
    assert done.stdout.startswith("::notice title=otel-mesh review::No comment: GitHub: create a comment: 403")
    assert "The report is in the job summary and the artifact only." in runner.summary


def test_a_job_that_lacks_the_permission_fails(host: CodeHost, runner: Runner) -> None:
    host.read_only = True
    done = runner.run(action_steps()["Comment"])
    assert done.returncode == 2
    assert "give the job `permissions: pull-requests: write`" in done.stdout
    assert runner.summary == ""


def test_the_result_is_that_of_the_review(runner: Runner) -> None:
    done = runner.run(action_steps()["Result"])
    assert (done.returncode, done.stdout.count("::error")) == (1, 1)
    runner.expressions["steps.review.outputs.status"] = "0"
    done = runner.run(action_steps()["Result"])
    assert (done.returncode, done.stdout) == (0, "")


def test_the_result_of_a_policy_speaks_of_the_label(runner: Runner) -> None:
    runner.expressions["inputs.fail-on"] = "policy"
    done = runner.run(action_steps()["Result"])
    assert done.returncode == 1
    assert "lacks a label that .otel-mesh/review.yaml asks for" in done.stdout


def test_a_report_too_long_for_a_summary_is_named_there(runner: Runner, tmp_path: Path) -> None:
    command = tmp_path / "long"
    command.write_text(
        '#!/bin/sh\nfor last; do :; done\nmkdir -p "$last"\nhead -c 1000000 /dev/zero | tr "\\0" x >"$last/report.md"\n'
    )
    command.chmod(0o755)
    runner.expressions |= {"inputs.command": str(command), "inputs.against": "main", "inputs.labels": "[]"}
    assert runner.run(action_steps()["Review"]).returncode == 0
    said, _, duration = runner.summary.partition("\n\n")
    assert said == "The report is too long for a summary: the artifact has it."
    assert re.fullmatch(r"Reviewed stack prod in \d+ s\.\n", duration)


def test_risks_reach_code_scanning(host: CodeHost, runner: Runner) -> None:
    done = runner.run(action_steps()["Code scanning"])
    assert (done.returncode, len(host.uploads)) == (0, 1), done


def test_set_up_makes_the_command_only_where_it_is_missing(runner: Runner, tmp_path: Path) -> None:
    runner.checkout = tmp_path
    assert runner.run(action_steps()["Set up"]).returncode == 0
    bootstrap = tmp_path / "requirements/bootstrap.sh"
    bootstrap.parent.mkdir()
    bootstrap.write_text("#!/bin/sh\ntouch made\n")
    bootstrap.chmod(0o755)
    runner.expressions["inputs.command"] = ".venv/bin/otel-mesh"
    assert runner.run(action_steps()["Set up"]).returncode == 0
    assert (tmp_path / "made").exists()


def test_the_second_workflow_posts_all_stacks_of_a_fork(host: CodeHost, in_github: Path, tmp_path: Path) -> None:
    run = {"head_sha": "abc", "head_branch": "main", "head_repository": {"owner": {"login": "ada"}}}
    in_github.write_text(json.dumps({"workflow_run": run}))
    host.pulls = [{"number": 7, "head": {"label": "ada:main", "sha": "abc"}}]
    for stack in ("dev", "prod"):
        folder = tmp_path / f"reports/otel-mesh-review-{stack}"
        folder.mkdir(parents=True)
        (folder / "report.md").write_text(f"<!-- otel-mesh review: {stack} -->\n\n**Nothing changes.**\n")
    (step,) = [one for one in _jobs(COMMENTING)["comment"]["steps"] if one.get("name") == "Comment"]
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/otel-mesh").symlink_to(COMMAND)
    runner = Runner(tmp_path, tmp_path, {"github.token": TOKEN, "runner.temp": str(tmp_path)})
    for _ in range(2):
        done = runner.run(step)
        assert (done.returncode, done.stderr) == (0, ""), done
    assert [one["body"].split("\n")[0] for one in host.comments] == [
        "<!-- otel-mesh review: dev -->",
        "<!-- otel-mesh review: prod -->",
    ]


def _jobs(file: Path) -> dict[str, dict[str, list[dict[str, str]]]]:
    jobs: dict[str, dict[str, list[dict[str, str]]]] = yaml.safe_load(file.read_text())["jobs"]
    return jobs


@pytest.mark.parametrize("file", sorted((repo_dir() / ".github").rglob("*.yml")), ids=lambda file: file.name)
def test_other_actions_are_pinned_and_no_head_is_checked_out_with_a_token(file: Path) -> None:
    text = file.read_text()
    used = re.findall(r"uses: (.+)", text)
    assert [one for one in used if not one.startswith("./") and not PINNED.fullmatch(one)] == []
    assert "pull_request_target" not in text
    assert not re.search(r"ref: .*head", text)


def test_actionlint_accepts_the_workflows(built: Built) -> None:
    checker = built("actionlint") / "actionlint"
    done = subprocess.run([checker, "-no-color"], cwd=repo_dir(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_action_reviews_a_shallow_checkout_of_the_merge_commit(tmp_path: Path) -> None:
    origin, checkout = tmp_path / "origin", tmp_path / "checkout"
    _git(tmp_path, "clone", "--quiet", str(repo_dir()), str(origin))
    file = origin / "Pulumi.prod.yaml"
    file.write_text(file.read_text().replace("ingress_percentage: 100", "ingress_percentage: 50"))
    _commit(origin)
    _git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{origin}", str(checkout))
    environment = {"GITHUB_SHA": _git(checkout, "rev-parse", "HEAD")}
    inputs = action_inputs(stack="prod", command=COMMAND, fail_on="any")
    runner = Runner(checkout, tmp_path, inputs, environment)
    done = runner.run(action_steps()["Review"])
    assert done.returncode == 0
    assert re.fullmatch(r"otel-mesh: reviewed stack prod in [0-9.]+ s\n", done.stderr)
    folder = tmp_path / "otel-mesh-review/prod"
    assert runner.expressions["steps.review.outputs.report"] == str(folder)
    assert runner.expressions["steps.review.outputs.status"] == "1"
    assert sorted(one.name for one in folder.iterdir()) == ["graph.svg", "report.json", "report.md", "report.sarif"]
    report = (folder / "report.md").read_text()
    assert re.fullmatch(r"\nReviewed stack prod in \d+ s\.\n", runner.summary.removeprefix(report))
    assert runner.summary.startswith(MARK)
    before = json.loads((folder / "report.json").read_text())["before"]
    assert before == _git(origin, "rev-parse", "--short=12", "HEAD^1")
    runner.expressions["inputs.against"] = "nowhere"
    done = runner.run(action_steps()["Review"])
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.usefixtures("in_gitlab")
def test_the_gitlab_template_reviews_and_posts_one_note(host: CodeHost, tmp_path: Path) -> None:
    host.user = host.author = {"id": 12}
    name, job = gitlab_job(stack="prod")
    assert name == "otel-mesh-review-prod"
    command = tmp_path / "otel-mesh"  # its review has tests of its own
    command.write_text(
        "#!/bin/sh\n"
        f'[ "$1" = review ] || exec {COMMAND} "$@"\n'
        f'mkdir -p otel-mesh-review/prod; printf "%s\\n\\nx\\n" "{MARK}" > otel-mesh-review/prod/report.md\n'
        'echo "$@" > asked; exit ${REVIEW_STATUS:-0}\n'
    )
    command.chmod(0o755)
    _git(tmp_path, "init", "--quiet")
    _commit(tmp_path)
    base = _git(tmp_path, "rev-parse", "HEAD")
    values = {
        **job["variables"],
        "COMMAND": str(command),
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
        "CI_MERGE_REQUEST_LABELS": "a b,c",
    }

    def run(**more: str) -> subprocess.CompletedProcess[str]:
        script = "set -eo pipefail\n" + "\n".join(job["script"])
        environment = {**os.environ, **values, **more}
        words = ["bash", "-c", script]
        return subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert [run().returncode, run(REVIEW_STATUS="1").returncode] == [0, 1]
    assert len(host.comments) == 1
    asked = f"review --stack prod --against {base} --fail-on none --labels a b,c --out otel-mesh-review/prod\n"
    assert (tmp_path / "asked").read_text() == asked
    before = len(host.asked)
    assert run(REVIEW_STATUS="2").returncode == 2
    done = run(GITLAB_TOKEN="")
    assert (done.returncode, len(host.asked)) == (0, before)
    assert "No note: GITLAB_TOKEN is not set, as in every pipeline of a fork." in done.stdout
    assert MARK in done.stdout


def _commit(folder: Path) -> None:
    name = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
    _git(folder, *name, "commit", "--quiet", "--all", "--allow-empty", "--message", "x")


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_action_runs_every_step_that_is_tested() -> None:
    assert set(action_steps()) == {"Set up", "Review", "Comment", "Code scanning", "Result"}
    assert pipeline_steps.ACTION.parent.name == "review"
