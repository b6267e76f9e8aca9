"""The command line as a whole: every command is found, explained and refused in one form."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from otel_mesh_cli import application
from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.main import main
from otel_mesh_cli.stacks.shell import export_lines
from otel_mesh_embedded.environment import env
from otel_mesh_embedded.environment import status as screen

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = [name for names in application.ROOMS.values() for name in names]
NODE_COMMANDS = ["toolchain", "images build", "images load", "leftovers", "rotate"]
SILENT = {"up", "down", "compose", "pulumi", "node rotate", "canary", "publish"}
"""Commands that answer no question, and so have no option `--output`."""


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
            "otel-mesh: /state/x: No space left on device; fix that and run it again\n",
        ),
        (KeyboardInterrupt(), 130, "otel-mesh: interrupted; the next `otel-mesh up` goes on from here\n"),
    ],
)
def test_a_failure_is_one_line_and_no_traceback(
    error: BaseException,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail_with(error, monkeypatch)
    assert main(["status"]) == status
    assert capsys.readouterr().err == said


def test_a_mistake_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(ValueError("a bug"), monkeypatch)
    with pytest.raises(ValueError, match="a bug"):
        main(["status"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Missing command; see `otel-mesh --help`"),
        (["upp"], "No such command 'upp'. Did you mean 'up'?; see `otel-mesh --help`"),
        (["up", "--foo"], "up: No such option: --foo; see `otel-mesh up --help`"),
        (["render"], "--out: not given; name the folder to write: otel-mesh render --stack local --out rendered"),
        (["node"], "node: Missing command; see `otel-mesh node --help`"),
        (["node", "toolchain", "kubctl"], "program 'kubctl': not one of the toolchain's"),
        (["down", "--stack", "dev"], "stack dev: `otel-mesh down` stops the embedded environment only"),
    ],
)
def test_wrong_words_are_refused_in_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"otel-mesh: {said}")
    assert (told.err.count("\n"), told.out) == (1, "")


def test_the_help_names_all_commands_and_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    for name in (*COMMANDS, "node"):
        assert re.search(rf"^\W*{name}\b", told, re.MULTILINE), name
    for status in ("0", "1", "2"):
        assert f"Exit status {status}:" in told


@pytest.mark.parametrize("room", application.ROOMS)
def test_each_package_adds_the_commands_that_are_listed_for_it(room: str) -> None:
    asked = application.application(application.ROOMS[room][0])
    command = typer.main.get_command(asked)
    assert tuple(getattr(command, "commands", ())) == application.ROOMS[room]


@pytest.mark.parametrize("command", [*COMMANDS, *(f"node {name}" for name in NODE_COMMANDS)])
def test_the_help_of_each_command_shows_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    told = capsys.readouterr().out
    assert re.search(rf"Examples?: .*otel-mesh {command}\b", told, re.DOTALL)
    assert ("--output" in told) == (command not in SILENT)


def test_a_list_is_json_where_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["node", "toolchain", "--list", "--output", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["programs"]["kubectl"].startswith("v1.")
    assert "kubectl" in found["groups"]["node"]


def test_a_shell_completes_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_OTEL_MESH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "otel-mesh pre")
    monkeypatch.setenv("COMP_CWORD", "1")
    with pytest.raises(SystemExit):
        main([])
    assert capsys.readouterr().out.split() == ["preview"]


HIDDEN = """
import importlib.metadata, sys
listed = importlib.metadata.entry_points
importlib.metadata.entry_points = lambda **words: () if words == {"group": "otel_mesh.embedded"} else listed(**words)
sys.modules["otel_mesh_embedded"] = None
from otel_mesh_cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def without_embedded(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command in a process that neither finds the distribution otel-mesh-embedded nor can import it."""
    places = {name: str(tmp_path / name) for name in ("HOME", "OTEL_MESH_STATE", "OTEL_MESH_CACHE")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", HIDDEN, *words]
        environment = {"PATH": "/usr/bin:/bin", **places}
        return subprocess.run(command, env=environment, cwd=repo_dir(), capture_output=True, text=True, check=False)

    return run


NEEDED = "needs the distribution otel-mesh-embedded, which is not installed; pip install otel-mesh-embedded"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["up"], "stack local"),
        (["down"], "stack local"),
        (["status"], "stack local"),
        (["env"], "stack local"),
        (["env", "--output", "json"], "stack local"),
        (["smoke"], "stack local"),
        (["preview"], "stack local"),
        (["pulumi", "--", "stack"], "stack local"),
        (["node", "toolchain"], "otel-mesh node"),
    ],
)
def test_without_the_embedded_distribution_stack_local_is_refused_in_one_line(
    words: list[str], what: str, without_embedded: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = without_embedded(*words)
    assert done.returncode == 2, done
    assert done.stderr.startswith(f"otel-mesh: {what}: {NEEDED}")
    assert done.stderr.count("\n") == 1


def test_without_the_embedded_distribution_the_other_commands_are_there(
    without_embedded: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = without_embedded("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(re.search(rf"^\W*{name}\b", done.stdout, re.MULTILINE) for name in COMMANDS)
    assert "Kubernetes of this machine" not in done.stdout
    done = without_embedded("preview", "--stack", "prod")
    assert (done.returncode, done.stderr) == (
        2,
        "otel-mesh: program pulumi: not on PATH; install it from https://www.pulumi.com/docs/install\n",
    )


def test_the_distribution_registers_itself() -> None:
    found = embedded.find()
    assert found is not None
    assert type(found).__module__ == "otel_mesh_embedded.entry"


def test_an_environment_that_was_never_up_has_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path))
    with pytest.raises(CommandError, match="the environment was never up; run `otel-mesh up` first"):
        env.settings()


@pytest.mark.parametrize("value", ["a b", "it's", 'say "x"', "$HOME", "`id`", "a;b", "ünï"])
def test_export_lines_survive_the_shell(value: str) -> None:
    script = f'{export_lines({"VALUE": value})}\nprintf %s "$VALUE"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == value
