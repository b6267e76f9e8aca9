"""One ``go build``: staged outside the checkout, logged, and kept only when it is whole."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, TextIO

from otel_mesh_cli.core import child_processes, files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_embedded.toolchain import artefacts, failures
from otel_mesh_embedded.toolchain.golang import COMPILER_FLAGS
from otel_mesh_embedded.toolchain.programs import TAGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_mesh_embedded.toolchain.golang import Go
    from otel_mesh_embedded.toolchain.programs import Build

_LOCK_POLL_SECONDS = 0.2
_LONGEST_COMMAND = 400  # characters of it in the log: one that compiles names a thousand packages
_PACKAGE = '{{.ImportPath}} {{if .Standard}}standard{{else if eq .Name "main"}}main{{else}}library{{end}}'


class InterruptedBuildError(Exception):
    """The build was told to stop."""


@dataclass
class Job:
    """A build with what is known of its progress; one thread works on it, another one shows it."""

    build: Build
    go: Go
    programs: Sequence[str]
    state: str = "waiting"
    packages: int = 0
    compiled: int = 0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    started: float | None = None
    ended: float | None = None
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _stopped: bool = False

    @property
    def name(self) -> str:
        """The module folder's name, unique among the builds."""
        return self.build.folder.name

    @property
    def log(self) -> Path:
        """The log of the newest build; what it took is beside it, as ``.json``."""
        return cache_dir() / "logs" / f"build-{self.name}.log"

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return 0.0 if self.started is None else (self.ended or time.monotonic()) - self.started

    def stop(self) -> None:
        """End the running process and start no other; safe from any thread."""
        self._stopped = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)

    def run(self) -> None:
        """Build what is still missing once it is this process's turn.

        Raises:
            CommandError: the build failed.
            InterruptedBuildError: it was stopped.
        """
        self.started = time.monotonic()
        try:
            with self._turn() as lock:
                missing = [name for name in self.programs if not self._kept(name).exists()]
                if missing:
                    self._build(missing, lock)
        finally:
            self.ended = time.monotonic()
        self.state = "ready"

    def _kept(self, program: str) -> Path:
        return artefacts.path(program, self.build, self.go)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[int]:
        """The build's lock. Its processes inherit it, so that nobody touches the stage while one of them lives."""
        locks = artefacts.tools_dir() / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / self.name).open("w") as lock:
            self._wait_for(lock, "another process builds it")
            yield lock.fileno()

    def _wait_for(self, lock: TextIO, state: str = "") -> None:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.state = state or self.state
                self._check_stopped()
                time.sleep(_LOCK_POLL_SECONDS)
            else:
                return

    def _build(self, programs: list[str], lock: int) -> None:
        stage = artefacts.tools_dir() / ".stage" / self.name
        _remove(stage)  # a killed build's leavings
        for folder in ("tmp", "out"):
            (stage / folder).mkdir(parents=True)
        shutil.copytree(self.build.folder, stage / "src")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self.log.open("w") as log:
                self._compile(programs, stage, log, lock)
            for name in programs:
                artefacts.keep(stage / "out" / name, self._kept(name))
            self._record()
        finally:
            _remove(stage)

    def _record(self) -> None:
        """Keep what the build took beside its log, for whoever compares starts."""
        found = {
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "peak_bytes": self.peak_bytes,
            "packages": self.packages,
            "compiled": self.compiled,
        }
        files.write(self.log.with_suffix(".json"), json.dumps(found) + "\n", mode=0o644)

    def _compile(self, programs: list[str], stage: Path, log: TextIO, lock: int) -> None:
        build = self.build
        self.state = "fetching modules"
        sources = {**build.embeds, **{name: build.files[name] for name in programs if name in build.files}}
        for name, (module, inner) in sources.items():
            told = self._go(["mod", "download", "-json", module], stage, log, lock)
            place = stage / "src" if name in build.embeds else stage / "out"
            shutil.copyfile(Path(json.loads(told)["Dir"]) / inner, place / name)
        packages = {name: build.packages[name] for name in programs if name in build.packages}
        if not packages:
            return
        tags = ["-tags", ",".join(TAGS)]
        listed = self._go(["list", "-deps", "-f", _PACKAGE, *tags, *packages.values()], stage, log, lock).splitlines()
        below = [path for path, kind in map(str.split, listed) if kind == "library"]
        self.packages = len(listed)
        flags = ["-v", *COMPILER_FLAGS, *tags]
        with self._compiling(stage):
            if below:
                self._go(["build", *flags, *below], stage, log, lock)
        self.state = "linking"
        # `go build -o FOLDER/` names a program after its package; one alone can be named here.
        output = stage / "out" / next(iter(packages)) if len(packages) == 1 else stage / "out"
        flags += ["-ldflags", artefacts.linker_flags(build), "-o", str(output)]
        self._go(["build", *flags, *packages.values()], stage, log, lock)

    @contextlib.contextmanager
    def _compiling(self, stage: Path) -> Iterator[None]:
        """One build compiles at a time: two at once would compile what they share twice. Others fetch and link."""
        self.state = "waiting for its turn to compile"
        with (stage.parent.parent / ".locks" / ".compiling").open("w") as turn:
            self._wait_for(turn)
            self.state = "compiling"
            yield

    def _go(self, arguments: list[str], stage: Path, log: TextIO, lock: int) -> str:
        """Run Go, its messages going to the log line by line, and return what it printed."""
        self._check_stopped()
        log.write(f"$ {shorten(shlex.join([str(self.go.command), *arguments]), _LONGEST_COMMAND)}\n")
        log.flush()
        with (stage / "told").open("w+") as told:
            process = child_processes.start(
                [self.go.command, *arguments],
                ending=signal.SIGTERM,
                cwd=stage / "src",
                env=self.go.environment(stage / "tmp"),
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
                pass_fds=[lock],
            )
            self._process = process
            if self._stopped:  # between the check above and now
                self.stop()
            with process:
                for line in process.stderr or ():
                    log.write(line)
                    log.flush()
                    if self.state in ("compiling", "linking") and not line.startswith(("#", "\t", "go:")):
                        self.compiled += 1
                _, status, used = os.wait4(process.pid, 0)  # of Go and of every compiler that it ran
                process.returncode = os.waitstatus_to_exitcode(status)
            self.cpu_seconds += used.ru_utime + used.ru_stime
            self.peak_bytes = max(self.peak_bytes, used.ru_maxrss * 1024)
            self._process = None
            self._check_stopped()
            if process.returncode != 0:
                raise self._failure()
            told.seek(0)
            return told.read()

    def _failure(self) -> CommandError:
        reason, remedy = failures.explain(self.log.read_text(errors="replace"))
        return CommandError(f"toolchain: {self.name} {self.build.version}: {reason}", remedy=remedy, log=self.log)

    def _check_stopped(self) -> None:
        if self._stopped:
            raise InterruptedBuildError(self.name)


def _remove(stage: Path) -> None:
    if stage.exists():
        shutil.rmtree(stage)
