from __future__ import annotations

import errno
import subprocess
from pathlib import Path

import pytest

from otel_mesh_cli import __main__ as commands
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.environment import env
from otel_mesh_embedded.environment import status as screen


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer() -> None:
        raise error

    monkeypatch.setattr(screen, "answer", answer)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            CommandError("port 127.0.0.1:18080: in use", remedy="choose another", log=Path("/x.log")),
            2,
            "otel-mesh: port 127.0.0.1:18080: in use; choose another (log: /x.log)\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "/state/x"),
            2,
            "otel-mesh: /state/x: No space left on device; mend that and run it again\n",
        ),
        (KeyboardInterrupt(), 130, "otel-mesh: interrupted; the next `make up` goes on from here\n"),
    ],
)
def test_what_goes_wrong_is_one_line_and_no_traceback(
    error: BaseException,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail_with(error, monkeypatch)
    assert commands.main(["status"]) == status
    assert capsys.readouterr().err == said


def test_an_environment_that_was_never_up_has_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path))
    with pytest.raises(CommandError, match="the environment was never up; run `make up` first"):
        env.settings()


def test_an_unknown_command_or_program_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        commands.main(["upp"])
    assert refused.value.code == 2
    assert commands.main(["toolchain", "kubctl"]) == 2
    assert "kubctl" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["a b", "it's", 'say "x"', "$HOME", "`id`", "a;b", "ünï"])
def test_export_lines_survive_the_shell(value: str) -> None:
    script = f'{env.export_lines({"VALUE": value})}\nprintf %s "$VALUE"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == value
