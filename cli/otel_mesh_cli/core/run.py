"""Running a program to its end: the one place where this project calls `subprocess.run`."""

from __future__ import annotations

import os
import subprocess
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Command = Sequence[str | os.PathLike[str]]

NOT_STARTED: Final = 127
"""Exit status of a program that could not be started, as of a shell."""
TIMED_OUT: Final = 124
"""Exit status of a program that was ended because its time was up, as of coreutils' `timeout`."""


@dataclass(frozen=True)
class Done:
    """A program that has ended."""

    program: str
    """Name of the program, without its folder."""
    code: int
    """Exit status; negative when a signal ended the program, as `subprocess` has it."""
    stdout: str = ""
    """Standard output; empty if it went to a log or to the terminal."""
    stderr: str = ""
    """Standard error, or why the program did not run."""
    log: Path | None = None
    """File with the output, if the caller named one."""

    @property
    def ok(self) -> bool:
        """Whether the exit status is 0."""
        return self.code == 0

    @property
    def reason(self) -> str:
        """Last line of standard error, else of the log or of standard output: most programs put the reason there."""
        logged = self.log.read_text(errors="replace") if self.log else ""
        for text in (self.stderr, logged, self.stdout):
            if line := last_line(text):
                return line
        return f"{self.program} ended with status {self.code} and no output"

    def require(self, place: str, *, remedy: str) -> str:
        """Standard output of a program that must succeed.

        Args:
            place: what the program worked on, for the message.
            remedy: as of `CommandError`.

        Raises:
            CommandError: the exit status is not 0.
        """
        if not self.ok:
            raise CommandError(f"{place}: {self.reason}", remedy=remedy, log=self.log)
        return self.stdout


def run(  # noqa: PLR0913 -- what distinguishes the calls
    command: Command,
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    log: Path | None = None,
) -> Done:
    """Run a program and wait for its end, without the terminal: standard input is empty unless given.

    Neither a missing program nor a timeout raises: both are a `Done` whose status is not 0 and whose reason says so.

    Args:
        command: program and arguments.
        env: the whole environment; by default that of this process.
        cwd: working directory.
        stdin: text on standard input.
        timeout: seconds after which the program is killed.
        log: file that output and errors are appended to, in place of being captured.
    """
    words = [os.fspath(word) for word in command]
    name = Path(words[0]).name
    given = (stdin or "").encode()
    try:
        with log.open("ab") if log is not None else nullcontext() as stream:
            done = subprocess.run(
                words,
                env=_plain(env),
                cwd=cwd,
                input=given,
                stdout=stream or subprocess.PIPE,
                stderr=subprocess.STDOUT if stream else subprocess.PIPE,
                timeout=timeout,
                check=False,
            )
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return Done(name, NOT_STARTED, stderr=f"{place}{error.strerror}")
    except subprocess.TimeoutExpired:
        return Done(name, TIMED_OUT, stderr=f"{name}: no answer within {timeout:g} s")
    return Done(name, done.returncode, _text(done.stdout), _text(done.stderr), log)


def call(command: Command, *, env: Mapping[str, str] | None = None) -> int:
    """Run a program with this terminal, as a person would, and return its exit status.

    Raises:
        OSError: it cannot be started.
    """
    return subprocess.run([os.fspath(word) for word in command], env=_plain(env), check=False).returncode


def last_line(text: str) -> str:
    """The last line that is not blank; empty if there is none."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _plain(env: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if env is None else dict(env)


def _text(output: bytes | None) -> str:
    return (output or b"").decode(errors="replace")
