"""`make test` on a machine that lacks programs: what needs none runs first, and nothing is green without the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import phases

if TYPE_CHECKING:
    from pathlib import Path

CHOSEN = ("--numprocesses=0", "--collect-only", "-q", "tests/components/backends/test_alert_rules.py", "tests/engine")
"""Nothing is run: what is collected tells what would be."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(phases, "_GRACE_S", 0.05)
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path))


def getting(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(phases, "GETTING", ("sh", "-c", script))


def said(capfd: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capfd.readouterr().out.splitlines() if line.startswith("== ")]


def test_tests_that_need_no_program_run_while_others_wait_for_theirs(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    getting(monkeypatch, f"while [ ! -e {tmp_path}/go ]; do sleep 0.1; done")
    asked: list[str] = []

    def run(name: str, chosen: str, _: object) -> int:
        asked.append(chosen)
        (tmp_path / "go").touch()
        return 5 if name.endswith("engine") else 0

    monkeypatch.setattr(phases, "_pytest", run)
    assert phases.main([]) == 0
    assert asked == [chosen for _, chosen in phases.PHASES]
    assert said(capfd) == [f"== programs are got ready beside the first tests (log: {tmp_path}/logs/test-programs.log)"]


def test_programs_that_cannot_be_got_fail_the_target_and_are_named(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(phases, "_GRACE_S", 60)  # its end is seen, however late a busy machine starts it
    getting(monkeypatch, "echo otel-mesh: no room >&2; exit 3")
    assert phases.main(CHOSEN) == 1
    first, *_, last = said(capfd)
    assert first == "== tests that need no program"
    assert last == f"== programs are not there: otel-mesh: no room (log: {tmp_path}/logs/test-programs.log)"


def test_where_all_programs_are_everything_is_one_run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(phases, "_GRACE_S", 60)
    getting(monkeypatch, "true")
    assert phases.main(CHOSEN) == 0
    first, last = said(capfd)
    assert first == "== all tests"
    assert last.startswith("== all tests: exit 0 after ")


def test_phases_leave_no_test_out_and_run_none_twice(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        marks = {mark.name for mark in item.iter_markers()}
        held = [all((word in marks) != negated for word, negated in words(chosen)) for _, chosen in phases.PHASES]
        assert sum(held) == ("e2e" not in marks), item.nodeid


def words(chosen: str) -> list[tuple[str, bool]]:
    """The marks of an expression without brackets, and whether each is not to be there."""
    return [(part.removeprefix("not "), part.startswith("not ")) for part in chosen.split(" and ")]


def test_the_first_failure_is_the_target_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    getting(monkeypatch, f"while [ ! -e {tmp_path}/go ]; do sleep 0.1; done")
    results = iter((0, 1, 0))

    def run(*_: object) -> int:
        (tmp_path / "go").touch()
        return next(results)

    monkeypatch.setattr(phases, "_pytest", run)
    assert phases.main([]) == 1
