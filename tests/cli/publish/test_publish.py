"""C3: `otel-mesh publish`: one comment per stack, on GitHub and GitLab."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.main import main
from otel_mesh_cli.publish.text import fitted, mark
from tests.cli.publish.code_hosts import ADA, BOT, TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.publish.code_hosts import CodeHost

MARK = "<!-- otel-mesh review: prod -->"
REPORT = f"{MARK}\n\n**1 call is refused.**\n"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    file = tmp_path / "report.md"
    file.write_text(REPORT)
    return file


def bodies(host: CodeHost) -> list[str]:
    return [one["body"] for one in host.comments]


@pytest.mark.usefixtures("in_github")
def test_the_first_report_is_a_new_comment(host: CodeHost, report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host.comment("looks good", ADA)
    assert main(["publish", str(report), "--to", "github"]) == 0
    assert bodies(host) == ["looks good", REPORT]
    assert capsys.readouterr().out == "created https://github.example/c101\n"


@pytest.mark.usefixtures("in_github")
def test_a_later_report_replaces_the_comment_on_the_same_stack_on_any_page(
    host: CodeHost, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = ["looks good", "<!-- otel-mesh review: dev -->\nof another stack", f"see {MARK}"]
    for one in others:
        host.comment(one)
    host.comment(f"{MARK}\r\nold")
    host.comment(f"{MARK}\nof a run at the same time")
    assert main(["publish", str(report), "--to", "github"]) == 0
    assert bodies(host) == [*others, REPORT]
    assert capsys.readouterr().out == "updated https://github.example/c103\n"


@pytest.mark.usefixtures("in_github")
@pytest.mark.parametrize("user", [None, {"login": "reviewer", "type": "User"}])
def test_a_comment_of_somebody_else_with_the_mark_is_left_alone(
    host: CodeHost, report: Path, user: dict[str, str] | None
) -> None:
    host.user = user
    host.author = dict(user or BOT)
    forged = f"{MARK}\nall is well, merge it"
    host.comment(forged, ADA)
    for _ in range(2):
        assert main(["publish", str(report), "--to", "github"]) == 0
    assert bodies(host) == [forged, REPORT]


@pytest.mark.usefixtures("in_github")
def test_the_token_of_a_fork_is_refused_in_one_line(
    host: CodeHost, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host.read_only = True
    assert main(["publish", str(report), "--to", "github"]) == 2
    assert capsys.readouterr().err == (
        "otel-mesh: GitHub: create a comment: 403 Resource not accessible by integration; give the job "
        "`permissions: pull-requests: write`; a pull request from a fork never has it\n"
    )
    assert host.comments == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GITHUB_TOKEN", "", "GITHUB_TOKEN: not set; pass the token of the job"),
        ("GITHUB_TOKEN", "of-yesterday", "GitHub: who the token belongs to: 401 Bad credentials; check the token"),
        ("GITHUB_REPOSITORY", "acme/other", "GitHub: list comments: 404 Not Found; give the job"),
        ("GITHUB_API_URL", "http://127.0.0.1:1", "refused; check that http://127.0.0.1:1 is reachable"),
    ],
)
@pytest.mark.usefixtures("in_github")
def test_what_prevents_a_comment_is_one_line(  # noqa: PLR0913, PLR0917 - parameters and fixtures
    host: CodeHost,
    name: str,
    value: str,
    said: str,
    report: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    host.user = ADA
    monkeypatch.setenv(name, value)
    assert main(["publish", str(report), "--to", "github"]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.err.count("\n") == 1
    assert TOKEN not in told.err + told.out


@pytest.mark.usefixtures("in_github")
def test_the_token_goes_to_no_other_host(host: CodeHost, report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host.elsewhere = "http://elsewhere.example"
    for number in range(3):
        host.comment(str(number))
    assert main(["publish", str(report), "--to", "github"]) == 2
    assert "the next page is on another host" in capsys.readouterr().err


def test_an_event_without_a_pull_request_is_refused(
    in_github: Path, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_github.write_text(json.dumps({"ref": "refs/heads/main"}))
    assert main(["publish", str(report), "--to", "github"]) == 2
    assert "the event has no pull request; run it in a workflow on `pull_request`" in capsys.readouterr().err
    assert main(["publish", str(report), "--to", "github", "--number", "7"]) == 0


def of_a_fork(event: Path, sha: str) -> None:
    run = {"head_sha": sha, "head_branch": "main", "head_repository": {"owner": {"login": "ada"}}, "pull_requests": []}
    event.write_text(json.dumps({"workflow_run": run}))


def test_a_second_workflow_finds_the_pull_request_of_a_fork_and_says_who_wrote_the_report(
    host: CodeHost, in_github: Path, report: Path
) -> None:
    of_a_fork(in_github, "abc")
    host.pulls = [
        {"number": 3, "head": {"label": "ada:main", "sha": "old"}},
        {"number": 7, "head": {"label": "ada:main", "sha": "abc"}},
        {"number": 8, "head": {"label": "bob:main", "sha": "abc"}},
    ]
    for _ in range(2):
        assert main(["publish", str(report), "--to", "github"]) == 0
    (body,) = bodies(host)
    assert mark(body) == MARK
    assert "> Made without secrets by the code of the pull request itself" in body


def test_a_run_that_was_overtaken_publishes_nothing(
    host: CodeHost, in_github: Path, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of_a_fork(in_github, "old")
    host.pulls = [{"number": 7, "head": {"label": "ada:main", "sha": "abc"}}]
    assert main(["publish", str(report), "--to", "github"]) == 2
    assert "no open pull request of ada:main has commit old" in capsys.readouterr().err
    assert host.comments == []


@pytest.mark.usefixtures("in_github")
def test_sarif_goes_to_code_scanning(host: CodeHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.sarif"
    file.write_text('{"version": "2.1.0"}')
    assert main(["publish", str(file), "--to", "github"]) == 0
    (upload,) = host.uploads
    assert (upload["commit_sha"], upload["ref"]) == ("c0ffee", "refs/pull/7/merge")
    assert gzip.decompress(base64.b64decode(upload["sarif"])).decode() == file.read_text()
    assert main(["publish", str(file), "--to", "gitlab"]) == 2
    assert "--to gitlab: takes no SARIF" in capsys.readouterr().err


@pytest.mark.usefixtures("in_gitlab")
def test_gitlab_has_one_note_per_stack(host: CodeHost, report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host.user = host.author = {"id": 12}
    for number in range(3):
        host.comment(f"note {number}")
    host.comment(f"{MARK}\nforged", ADA)
    for _ in range(2):
        assert main(["publish", str(report), "--to", "gitlab"]) == 0
    assert bodies(host)[4:] == [REPORT]
    assert capsys.readouterr().out == "created note 104\nupdated note 104\n"


@pytest.mark.usefixtures("in_gitlab")
def test_without_a_token_gitlab_is_refused_with_the_remedy(
    report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITLAB_TOKEN")
    assert main(["publish", str(report), "--to", "gitlab"]) == 2
    assert capsys.readouterr().err.startswith("otel-mesh: GITLAB_TOKEN: not set; add a masked variable")


@pytest.mark.usefixtures("in_github")
def test_another_file_is_refused(tmp_path: Path, host: CodeHost, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "notes.md"
    file.write_text("# Notes")
    assert main(["publish", str(file), "--to", "github"]) == 2
    assert f"{file}: not a report; name a file that" in capsys.readouterr().err
    assert host.asked == []


def fold(name: str, lines: int) -> str:
    inner = f"{name}\n" * lines
    return f"<details><summary>update: {name}</summary>\n\n````diff\n{inner}````\n\n</details>"


def test_a_long_report_keeps_its_verdict_whole_objects_and_its_footer() -> None:
    head = f"{MARK}\n\n**Verdict.**"
    text = "\n\n".join([head, *(fold(f"Deployment shop/s{one}", 20) for one in range(50)), "---\nfooter"]) + "\n"
    short = fitted(text, 10_000, "the artifact has all of it")
    assert len(short) <= 10_000
    assert short.startswith(head)
    assert short.endswith("---\nfooter\n")
    kept = len(re.findall("<summary>", short))
    assert 10 < kept < 50
    assert short.count("</details>") == kept
    assert f"**{50 - kept} parts of the report do not fit into a comment**: the artifact has all of it." in short
    assert fitted(text, len(text), "") == text


@pytest.mark.parametrize("footer", ["", "\n\n---\nfooter\n"])
def test_one_object_too_long_is_cut_between_lines_and_closed(footer: str) -> None:
    text = f"{MARK}\n\n**Verdict.**\n\n{fold('ConfigMap shop/big', 5000)}{footer}"
    short = fitted(text, 5_000, "the artifact has all of it")
    assert len(short) <= 5_000
    assert short.count("\n````") == 2
    assert short.count("<details>") == short.count("</details>") == 1
    assert short.startswith(f"{MARK}\n\n**Verdict.**")
    assert "**part of the report does not fit into a comment**: the artifact has all of it." in short
    assert short.endswith(footer)
