"""One ``go build``: staged outside the checkout, logged, and stored only if it succeeds."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Final, TextIO

import filelock

from otel_mesh_cli.core import child_processes
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_embedded.toolchain import artefacts, failures
from otel_mesh_embedded.toolchain.golang import COMPILER_FLAGS
from otel_mesh_embedded.toolchain.programs import TAGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_mesh_embedded.toolchain.golang import Go
    from otel_mesh_embedded.toolchain.programs import Build

_LONGEST_COMMAND: Final = 400  # characters in the log: a compile command names a thousand packages
_PACKAGE: Final = '{{.ImportPath}} {{if .Standard}}standard{{else if eq .Name "main"}}main{{else}}library{{end}}'


class InterruptedBuildError(Exception):
    """The build was stopped."""


@dataclass
class Job:
    """A build and its progress; one thread works on it, another one shows it."""

    build: Build
    go: Go
    programs: Sequence[str]
    state: str = "waiting"
    packages: int = 0
    """Packages that the programs consist of; 0 until Go has listed them."""
    compiled: int = 0
    """Packages compiled so far; those in Go's cache are not compiled again."""
    started: float | None = None
    ended: float | None = None
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _stopped: bool = False

    @property
    def name(self) -> str:
        """Name of the module folder, unique among the builds."""
        return self.build.folder.name

    @property
    def log(self) -> Path:
        """Log of the newest build."""
        return cache_dir() / "logs" / f"build-{self.name}.log"

    @property
    def seconds(self) -> float:
        """Seconds since the start, or until the end."""
        return 0.0 if self.started is None else (self.ended or time.monotonic()) - self.started

    def stop(self) -> None:
        """End the running process and start no other; safe from any thread."""
        self._stopped = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)

    def run(self) -> None:
        """Build what is still missing once no other process builds it.

        Raises:
            CommandError: the build failed.
            InterruptedBuildError: it was stopped.
        """
        self.started = time.monotonic()
        try:
            with self._locked(self.name, "another process builds it"):
                missing = [name for name in self.programs if not self._file(name).exists()]
                if missing:
                    self._build(missing)
        finally:
            self.ended = time.monotonic()
        self.state = "ready"

    def _file(self, program: str) -> Path:
        return artefacts.path(program, self.build, self.go)

    @contextlib.contextmanager
    def _locked(self, name: str, waiting: str) -> Iterator[None]:
        place = artefacts.tools_dir() / ".locks" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(place)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            self.state = waiting
            try:
                lock.acquire(poll_interval=0.2, cancel_check=lambda: self._stopped)
            except filelock.Timeout:
                raise InterruptedBuildError(self.name) from None
        try:
            yield
        finally:
            lock.release()

    def _build(self, programs: list[str]) -> None:
        stages = artefacts.tools_dir() / ".stage" / self.name
        shutil.rmtree(stages, ignore_errors=True)  # stages of killed builds, whose compilers may still end
        stages.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=stages, ignore_cleanup_errors=True) as scratch:
                stage = Path(scratch)
                for folder in ("tmp", "out"):
                    (stage / folder).mkdir()
                shutil.copytree(self.build.folder, stage / "src")
                with self.log.open("w") as log:
                    self._compile(programs, stage, log)
                for name in programs:
                    artefacts.store(stage / "out" / name, self._file(name))
        finally:
            shutil.rmtree(stages, ignore_errors=True)

    def _compile(self, programs: list[str], stage: Path, log: TextIO) -> None:
        build = self.build
        self.state = "fetching modules"
        sources = {**build.embeds, **{name: build.files[name] for name in programs if name in build.files}}
        for name, (module, inner) in sources.items():
            answer = self._go(["mod", "download", "-json", module], stage, log)
            place = stage / "src" if name in build.embeds else stage / "out"
            shutil.copyfile(Path(json.loads(answer)["Dir"]) / inner, place / name)
        packages = {name: build.packages[name] for name in programs if name in build.packages}
        if not packages:
            return
        if build.added:
            self._complete(stage, log)
        tags = ["-tags", ",".join(TAGS)]
        listed = self._go(["list", "-deps", "-f", _PACKAGE, *tags, *packages.values()], stage, log).splitlines()
        libraries = [path for path, kind in map(str.split, listed) if kind == "library"]
        self.packages = len(listed)
        flags = ["-v", *COMPILER_FLAGS, *tags]
        # One build compiles at a time, as two would compile what they share twice; others fetch and link meanwhile.
        with self._locked(".compiling", "waiting for its turn to compile"):
            self.state = "compiling"
            if libraries:
                self._go(["build", *flags, *libraries], stage, log)
        self.state = "linking"
        # `go build -o FOLDER/` names a program after its package; a single one can be named here.
        output = stage / "out" / next(iter(packages)) if len(packages) == 1 else stage / "out"
        flags += ["-ldflags", artefacts.linker_flags(build), "-o", str(output)]
        self._go(["build", *flags, *packages.values()], stage, log)

    def _complete(self, stage: Path, log: TextIO) -> None:
        """Replace the module, in the staged go.mod, by a copy of it with the files that it lacks."""
        answer = json.loads(self._go(["mod", "download", "-json", self.build.module], stage, log))
        copy = stage / "src" / "module"
        shutil.copytree(answer["Dir"], copy, copy_function=shutil.copyfile)
        for folder in (copy, *copy.glob("**/")):  # folders in Go's cache are read-only
            folder.chmod(0o755)
        for name in self.build.added:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).touch()
        self._go(["mod", "edit", f"-replace={self.build.module}=./{copy.name}"], stage, log)

    def _go(self, arguments: list[str], stage: Path, log: TextIO) -> str:
        """Run Go, its messages going to the log line by line, and return its standard output."""
        self._check_stopped()
        log.write(f"$ {shorten(shlex.join([str(self.go.command), *arguments]), _LONGEST_COMMAND)}\n")
        log.flush()
        with (stage / "output").open("w+") as output:
            process = child_processes.start(
                [self.go.command, *arguments],
                ending=signal.SIGTERM,
                cwd=stage / "src",
                env=self.go.environment(stage / "tmp"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
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
            self._process = None
            self._check_stopped()
            if process.returncode != 0:
                raise self._failure()
            output.seek(0)
            return output.read()

    def _failure(self) -> CommandError:
        reason, remedy = failures.explain(self.log.read_text(errors="replace"))
        return CommandError(f"toolchain: {self.name} {self.build.version}: {reason}", remedy=remedy, log=self.log)

    def _check_stopped(self) -> None:
        if self._stopped:
            raise InterruptedBuildError(self.name)
