"""Cost of components in the Pulumi engine, compared with the same objects registered without components.

Both programs use the same provider settings, typed classes and real API server. The flat program reads the finished
objects from a file and registers them one by one. The runs alternate, and each figure is a median.

    python -m bench.engine                      4, 50, 200 and 600 services
    python -m bench.engine --services 4 50      fewer
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
import yaml

from otel_mesh_cli.core import child_processes
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.stacks import pulumi_cli
from otel_mesh_embedded import toolchain
from tests.engine.api_server import ApiServer
from tests.engine.stack_program import Engine, StackProgram

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES: Final = (4, 50, 200, 600)
KINDS: Final = ("components", "flat")
LIMIT: Final = {"time": 1.1, "memory": 1.2}
_PERIOD_S: Final = 0.1
# The first update is not measured: without it the file backend rewrites the whole state after each object.
_UNMEASURED: Final = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}


@dataclass(frozen=True)
class Run:
    """Cost of one command of the Pulumi CLI.

    Attributes:
        seconds: Wall-clock time.
        megabytes: Sum of the peak resident memory of the CLI and its descendants: language host, program and provider.
    """

    seconds: float
    megabytes: float


class _Peaks:
    """Samples the resident memory of a process and its descendants until it ends."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._peaks: dict[tuple[int, float], int] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._end.wait(_PERIOD_S):
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in (self._root, *self._root.children(recursive=True)):
                    self._look(process)

    def _look(self, process: psutil.Process) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended in the meantime
            key = (process.pid, process.create_time())
            self._peaks[key] = max(self._peaks.get(key, 0), process.memory_info().rss)

    def end(self) -> float:
        """The sum of the peaks in MB."""
        self._end.set()
        self._thread.join()
        return sum(self._peaks.values()) / 1e6


class Side:
    """One of the two programs and its stack, for one number of services."""

    def __init__(self, folder: Path, engine: Engine, kind: str, services: int) -> None:
        namespace = f"{kind}-{services}"
        project = folder / "project"
        project.mkdir(parents=True)
        (project / "programs").symlink_to(repo_dir() / "bench" / "programs")
        content = {"name": "bench", "runtime": "python", "main": f"programs/{kind}.py"}
        (project / "Pulumi.yaml").write_text(yaml.safe_dump(content))
        self._stack = StackProgram(folder, engine, ("bench", project), "test")
        self._stack.environment |= {
            "PYTHONPATH": str(repo_dir()),
            "BENCH_SERVICES": str(services),
            "BENCH_NAMESPACE": namespace,
            "BENCH_OBJECTS": str(_objects(folder, services, namespace)),
        }
        self._command = engine.programs / "pulumi"
        self._stack.init()

    def run(self, *words: str, **environment: str) -> Run:
        """Runs the CLI and waits for its exit.

        Args:
            words: Arguments of the CLI.
            environment: Variables in addition to those of the stack.

        Raises:
            SystemExit: The command failed.
        """
        log = self._stack.folder.parent / "log"
        started = time.monotonic()
        with log.open("w") as stream:
            process = child_processes.start(
                [self._command, *words, "--non-interactive", "--color=never", "--suppress-progress"],
                ending=signal.SIGTERM,  # the CLI forwards it to its children
                cwd=self._stack.folder,
                env={**self._stack.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
            peaks = _Peaks(process.pid)
            code = process.wait()
        seconds = time.monotonic() - started
        megabytes = peaks.end()
        if code:
            sys.exit(f"pulumi {' '.join(words)}: exit status {code}\n{log.read_text()[-2000:]}")
        return Run(seconds, megabytes)


def _objects(folder: Path, services: int, namespace: str) -> Path:
    """A file with the finished objects of the components of this many services."""
    place = folder / "objects.json"
    render = [sys.executable, "-m", "bench.programs.fleet", str(services), namespace]
    place.write_bytes(subprocess.run(render, stdout=subprocess.PIPE, check=True, cwd=repo_dir()).stdout)
    return place


@contextlib.contextmanager
def _engine(folder: Path) -> Iterator[tuple[ApiServer, Engine]]:
    programs = toolchain.folder(toolchain.GROUPS["test"])
    home = folder / "home"
    pulumi_cli.make_home(home)
    (folder / "api-server").mkdir()
    server = ApiServer(programs, folder / "api-server")
    try:
        server.start()
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(server.kubeconfig("otel-mesh-local"))
        yield server, Engine(programs, home, kubeconfig)
    finally:
        server.stop()


def _median(runs: list[Run]) -> Run:
    return Run(
        statistics.median(run.seconds for run in runs),
        statistics.median(run.megabytes for run in runs),
    )


def _measure(folder: Path, server: ApiServer, engine: Engine, services: int, repeat: int) -> dict[str, dict[str, Run]]:
    """Medians by command and kind: previews of an empty stack, then updates without changes."""
    sides = {kind: Side(folder / f"{kind}-{services}", engine, kind, services) for kind in KINDS}
    for kind in KINDS:
        server.kubectl(["create", "namespace", f"{kind}-{services}"], engine.kubeconfig)
    found: dict[str, dict[str, Run]] = {}
    up = ("up", "--yes", "--skip-preview")
    for name, command in (("preview", ("preview",)), ("no-op up", (*up, "--expect-no-changes"))):
        if name == "no-op up":
            for side in sides.values():
                side.run(*up, **_UNMEASURED)
        runs: dict[str, list[Run]] = {kind: [] for kind in KINDS}
        for turn in range(repeat):
            for kind in KINDS if turn % 2 else reversed(KINDS):
                runs[kind].append(sides[kind].run(*command))
        found[name] = {kind: _median(runs[kind]) for kind in KINDS}
    return found


def _import_seconds(statement: str) -> float:
    # CPU time, so that other work on the machine does not count
    code = f"import time; t = time.process_time(); {statement}; print(time.process_time() - t)"
    runs = [subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout for _ in range(5)]
    return statistics.median(float(run) for run in runs)


def _imports() -> None:
    """Prints the import time of every public name in addition to pulumi and pulumi_kubernetes."""
    theirs = "import pulumi, pulumi_kubernetes"
    alone, with_ours = _import_seconds(theirs), _import_seconds(f"{theirs}; from otel_mesh import *")
    package = _import_seconds(f"{theirs}; import otel_mesh")
    print(f"{theirs}: {alone:.3f} s", end="")
    print(f"; and otel_mesh: {package - alone:+.3f} s; and all its names: {with_ours - alone:+.3f} s", flush=True)


def main() -> None:
    """Prints the ratios per size and command, and the worst ratios at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, nargs="+", default=SIZES)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each side; odd (default: %(default)s)")
    arguments = parser.parse_args()
    _imports()
    worst = {"time": 0.0, "memory": 0.0}
    folder = Path(tempfile.mkdtemp(prefix="otel-mesh-bench-"))
    try:
        with _engine(folder) as (server, engine):
            for services in arguments.services:
                for command, runs in _measure(folder, server, engine, services, arguments.repeat).items():
                    ours, flat = runs["components"], runs["flat"]
                    ratios = {"time": ours.seconds / flat.seconds, "memory": ours.megabytes / flat.megabytes}
                    worst = {name: max(worst[name], ratios[name]) for name in worst}
                    print(
                        f"{services:4} services  {command:8}  ours {ours.seconds:6.2f} s {ours.megabytes:5.0f} MB  "
                        f"flat {flat.seconds:6.2f} s {flat.megabytes:5.0f} MB  ratio time {ratios['time']:.2f} "
                        f"memory {ratios['memory']:.2f}  ours per service {ours.seconds / services * 1000:.0f} ms",
                        flush=True,
                    )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"limits: time {LIMIT['time']}, memory {LIMIT['memory']}")
    print(f"ratio time {worst['time']:.2f} memory {worst['memory']:.2f}")


if __name__ == "__main__":
    main()
