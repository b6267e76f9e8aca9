"""One ``go build``: staged outside the checkout, logged, and kept only when it is whole."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from local.errors import LocalError
from local.paths import cache_dir
from local.toolchain import artefacts, failures
from local.toolchain.golang import COMPILER_FLAGS
from local.toolchain.programs import TAGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local.toolchain.golang import Go
    from local.toolchain.programs import Build

_LOCK_POLL_SECONDS = 0.2


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
        """The log of the newest build."""
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
            LocalError: the build failed.
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
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    self.state = "another process builds it"
                    self._check_stopped()
                    time.sleep(_LOCK_POLL_SECONDS)
            yield lock.fileno()

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
        finally:
            _remove(stage)

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
        told = self._go(["list", "-deps", *tags, *packages.values()], stage, log, lock)
        self.packages = len(told.splitlines())
        self.state = "compiling"
        # `go build -o FOLDER/` names a program after its package; one alone can be named here.
        output = stage / "out" / next(iter(packages)) if len(packages) == 1 else stage / "out"
        flags = ["-v", *COMPILER_FLAGS, *tags, "-ldflags", artefacts.linker_flags(build), "-o", str(output)]
        self._go(["build", *flags, *packages.values()], stage, log, lock)

    def _go(self, arguments: list[str], stage: Path, log: TextIO, lock: int) -> str:
        """Run Go, its messages going to the log line by line, and return what it printed."""
        self._check_stopped()
        log.write(f"$ {self.go.command} {' '.join(arguments)}\n")
        log.flush()
        with (stage / "told").open("w+") as told:
            process = subprocess.Popen(
                [*dies_with_us(), str(self.go.command), *arguments],
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
                    if self.state == "compiling" and not line.startswith(("#", "\t", "go:")):
                        self.compiled += 1
            self._process = None
            self._check_stopped()
            if process.returncode != 0:
                raise self._failure()
            told.seek(0)
            return told.read()

    def _failure(self) -> LocalError:
        reason, remedy = failures.explain(self.log.read_text(errors="replace"))
        return LocalError(f"toolchain: {self.name} {self.build.version}: {reason}", remedy=remedy, log=self.log)

    def _check_stopped(self) -> None:
        if self._stopped:
            raise InterruptedBuildError(self.name)


def _remove(stage: Path) -> None:
    if stage.exists():
        shutil.rmtree(stage)


def dies_with_us() -> list[str]:
    """A prefix by which the kernel ends the process when this one is killed (util-linux; else it ends by itself)."""
    return [found, "--pdeathsig", "TERM", "--"] if (found := shutil.which("setpriv")) else []
