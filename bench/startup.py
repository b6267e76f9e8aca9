"""Duration of `make up` from four states: cold (empty caches), first (no state), warm (stopped) and already up.

Each figure is compared with its budget and with `make help` as the baseline of the machine. The load average is printed
before and after the run.

    python -m bench.startup            first, in a separate state folder; warm and already up, in the current one
    python -m bench.startup --cold     additionally once from a fresh clone with empty caches, with a breakdown
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench import cold_start

REPO = Path(__file__).resolve().parent.parent

BUDGET_S = {"cold": 25 * 60.0, "first": 180.0, "warm": 45.0, "already up": 20.0}
"""Budget of each kind of start in seconds, on two cores."""


@dataclass(frozen=True)
class Run:
    """One timed `make` command."""

    kind: str
    seconds: float


def make(target: str, log: Path, environment: dict[str, str], *words: str, checkout: Path = REPO) -> float:
    """Runs a make target with optional variables and returns its wall-clock seconds.

    Raises:
        SystemExit: The target failed; the message names the log.
    """
    started = time.monotonic()
    with log.open("ab") as stream:
        code = subprocess.run(
            ["make", "-C", str(checkout), target, *words],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=environment,
            check=False,
        ).returncode
    if code:
        sys.exit(f"make {target} failed with exit status {code} (log: {log})")
    return time.monotonic() - started


def empty_caches(folder: str) -> dict[str, str]:
    """Environment variables that place all caches and state in a new folder, overriding the user's settings."""
    kept = {name: value for name, value in os.environ.items() if name not in ("OTEL_MESH_CACHE", "OTEL_MESH_STATE")}
    return {
        **kept,
        "HOME": folder,
        "XDG_CACHE_HOME": f"{folder}/cache",
        "XDG_STATE_HOME": f"{folder}/state",
        "GOPATH": f"{folder}/go",
        "GOCACHE": f"{folder}/cache/go-build",
        "GOMODCACHE": f"{folder}/go/pkg/mod",
        "GOFLAGS": "-modcacherw",
    }


def first(log: Path) -> Run:
    """Starts once without state and removes everything afterwards."""
    with tempfile.TemporaryDirectory(prefix="otel-mesh-new-", ignore_cleanup_errors=True) as folder:
        environment = {**os.environ, "OTEL_MESH_STATE": f"{folder}/state"}
        run = Run("first", make("up", log, environment))
        make("down", log, environment, "PURGE=1")
    return run


def cold(log: Path) -> Run:
    """Starts a fresh clone with empty caches, prints the breakdown and removes everything afterwards."""
    with tempfile.TemporaryDirectory(prefix="otel-mesh-new-", ignore_cleanup_errors=True) as folder:
        clone, environment, own = Path(folder) / "clone", empty_caches(folder), Path(f"{log}.cold")
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(REPO), str(clone)], check=True)
        before = _cpu_seconds()
        run = Run("cold", make("up", own, environment, checkout=clone))
        cpu = _cpu_seconds() - before
        logs = Path(environment["XDG_CACHE_HOME"]) / "otel-mesh" / "logs"
        print(cold_start.table(cold_start.read(run.seconds, cpu, own.read_text(errors="replace"), logs)), flush=True)
        make("down", log, environment, "PURGE=1", checkout=clone)
        shutil.rmtree(folder, ignore_errors=True)
    return run


def _cpu_seconds() -> float:
    """CPU seconds of the processes that this one has started and waited for, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(log: Path, *, from_nothing: bool, repeat: int) -> list[Run]:
    """Measures all kinds of start; cold starts only with `from_nothing`."""
    environment = dict(os.environ)
    make("down", log, environment)
    runs = [*([cold(log)] if from_nothing else []), first(log)]
    make("up", log, environment)
    for _ in range(repeat):
        make("down", log, environment)
        runs.append(Run("warm", make("up", log, environment)))
        runs.append(Run("already up", make("up", log, environment)))
    return runs


def load() -> str:
    """The load average of the machine: figures measured beside other work are upper bounds."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def main() -> None:
    """Runs the benchmark and prints the results."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument(
        "--cold", action="store_true", help="additionally measure a start with empty caches (tens of minutes)"
    )
    arguments.add_argument("--repeat", type=int, default=3, help="number of stops and starts (default 3)")
    chosen = arguments.parse_args()
    log = Path(tempfile.gettempdir()) / f"otel-mesh-startup-{os.getpid()}.log"
    baseline = make("help", log, dict(os.environ))
    print(f"baseline: make help {baseline:.2f} s; {load()}; log: {log}", flush=True)
    worst = 0.0
    runs = measure(log, from_nothing=chosen.cold, repeat=chosen.repeat)
    for kind, budget in BUDGET_S.items():
        seconds = sorted(run.seconds for run in runs if run.kind == kind)
        if not seconds:
            continue
        worst = max(worst, seconds[-1] / budget)
        print(
            f"{kind:<11} median {seconds[len(seconds) // 2]:7.1f} s  max {seconds[-1]:7.1f} s  "
            f"of budget {budget:6.0f} s: {seconds[-1] / budget:.2f}  of baseline: {seconds[-1] / baseline:.0f}"
        )
    print(load())
    print(f"ratio to budget {worst:.2f}")


if __name__ == "__main__":
    main()
