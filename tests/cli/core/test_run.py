"""One way to run programs: what they print, how they end, and what is reported of a failure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import NOT_STARTED, TIMED_OUT, call, run

if TYPE_CHECKING:
    from pathlib import Path


def test_output_status_and_input_are_those_of_the_program(tmp_path: Path) -> None:
    done = run(["sh", "-c", 'cat; pwd; echo "$WORD" >&2; exit 3'], stdin="in\n", cwd=tmp_path, env={"WORD": "said"})
    assert (done.program, done.code, done.ok) == ("sh", 3, False)
    assert (done.stdout, done.stderr) == (f"in\n{tmp_path}\n", "said\n")


def test_standard_input_is_empty_unless_given() -> None:
    assert run(["cat"]).stdout == ""


def test_output_that_is_no_text_is_replaced() -> None:
    assert run([sys.executable, "-c", r"import os; os.write(1, b'a\xff')"]).stdout == "a\ufffd"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo out; echo first >&2; echo last >&2; echo >&2; exit 1", "last"),
        ("echo out; exit 1", "out"),
        ("exit 7", "sh ended with status 7 and no output"),
        ("kill -9 $$", "sh ended with status -9 and no output"),
    ],
)
def test_the_reason_is_the_last_line_that_says_something(script: str, reason: str) -> None:
    done = run(["sh", "-c", script])
    with pytest.raises(CommandError) as refused:
        done.require("place", remedy="fix it")
    assert str(refused.value) == f"place: {reason}; fix it"


def test_a_log_takes_the_output_and_is_named_in_the_error(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    done = run(["sh", "-c", "echo out; echo err >&2; exit 1"], log=log)
    assert log.read_text() == "before\nout\nerr\n"
    assert (done.stdout, done.stderr, done.reason) == ("", "", "err")
    with pytest.raises(CommandError) as refused:
        done.require("place", remedy="fix it")
    assert refused.value.log == log


def test_a_program_that_is_not_there_did_not_start(tmp_path: Path) -> None:
    done = run([tmp_path / "absent", "word"])
    assert (done.code, done.ok) == (NOT_STARTED, False)
    assert done.reason == f"{tmp_path}/absent: No such file or directory"
    with pytest.raises(OSError, match="absent"):
        call([tmp_path / "absent"])


def test_a_program_without_an_answer_is_ended() -> None:
    done = run(["sleep", "600"], timeout=0.1)
    assert (done.code, done.reason) == (TIMED_OUT, "sleep: no answer within 0.1 s")


def test_the_output_of_a_success_is_returned() -> None:
    assert run(["echo", "a b"]).require("place", remedy="") == "a b\n"


def test_a_call_returns_the_status() -> None:
    assert call(["sh", "-c", 'exit "$CODE"'], env={"CODE": "5"}) == 5
