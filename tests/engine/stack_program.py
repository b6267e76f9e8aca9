"""The real Pulumi CLI on any program: one stack, its backend and the steps of the engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.core import child_processes
from otel_mesh_cli.stacks.pulumi_cli import own_home

if TYPE_CHECKING:
    from collections.abc import Mapping

_PASSPHRASE: Final = "passphrase"  # noqa: S105 - the name of a file


@dataclass(frozen=True)
class Engine:
    """Programs and files shared by all stacks of the tests.

    Attributes:
        programs: Folder with the CLI and its plugins.
        home: PULUMI_HOME, with the Kubernetes provider.
        kubeconfig: Kubeconfig of the API server.
    """

    programs: Path
    home: Path
    kubeconfig: Path


@dataclass(frozen=True)
class Step:
    """An operation of the engine on one resource, done or planned."""

    op: str
    type: str
    name: str
    diff: tuple[str, ...]

    @property
    def place(self) -> str:
        """Kind and name, e.g. ``Deployment jaeger``."""
        return f"{self.type.rsplit(':', 1)[-1]} {self.name}"


class StackProgram:
    """One stack of a program.

    Args:
        folder: Private folder of the stack; contains its backend unless ``shared`` is given.
        engine: Engine that runs the stack.
        project: Name and folder of the project.
        stack: Name of the stack.
        shared: Stack with the backend to use, so that a StackReference can find it.
        python: Python interpreter of the program; by default that of the tests.
    """

    def __init__(  # noqa: PLR0913 - the parts of a stack
        self,
        folder: Path,
        engine: Engine,
        project: tuple[str, Path],
        stack: str,
        *,
        shared: StackProgram | None = None,
        python: Path = Path(sys.executable),
    ) -> None:
        self.name, self.folder = project
        self.stack = stack
        self.backend: Path = shared.backend if shared else folder / "backend"
        self.secrets_dir: Path = shared.secrets_dir if shared else folder / "secrets"
        self.backend.mkdir(exist_ok=True)
        self.secrets_dir.mkdir(exist_ok=True)
        (self.secrets_dir / _PASSPHRASE).write_text("engine-tests\n")
        self._events = folder / f"events-{stack}.jsonl"
        self._pulumi = engine.programs / "pulumi"
        self.environment = {
            "PATH": os.pathsep.join([str(python.parent), str(engine.programs), "/usr/bin", "/bin"]),
            "HOME": str(folder),
            "KUBECONFIG": str(engine.kubeconfig),
            **own_home(engine.home),
            "PULUMI_BACKEND_URL": f"file://{self.backend}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.secrets_dir / _PASSPHRASE),
            "PULUMI_DEBUG_COMMANDS": "true",  # --event-log
            "PULUMI_SKIP_CHECKPOINTS": "true",  # saved once, at the end: nobody kills it, and each is megabytes
            "PULUMI_STACK": stack,
            "PYTHONWARNINGS": "error",
        }
        self.output: list[str] = []
        """All output of the CLI so far."""

    def init(self) -> None:
        """Creates the stack in the backend."""
        self.run("stack", "init", self.stack, "--no-select")

    def run(self, *words: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs the CLI; with ``check`` a failure fails the test."""
        done = subprocess.run(
            [*child_processes.prefix(signal.SIGTERM), self._pulumi, *words, "--non-interactive", "--color=never"],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        self.output += [done.stdout, done.stderr]
        assert not check or done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def plan(self) -> list[dict[str, Any]]:
        """The plan in the CLI's JSON output, with every step."""
        steps: list[dict[str, Any]] = json.loads(self.run("preview", "--json").stdout)["steps"]
        return steps

    def preview(self) -> list[Step]:
        """The plan: every step that is not ``same``."""
        return [_step(step["op"], step) for step in self.plan() if step["op"] != "same"]

    def up(self, *flags: str) -> list[Step]:
        """Applies the program and returns the steps that were not ``same``."""
        self._events.unlink(missing_ok=True)
        self.run("up", "--yes", "--skip-preview", f"--event-log={self._events}", *flags)
        return self.done()

    def done(self) -> list[Step]:
        """The steps of the last `up`, in the order in which they ended."""
        found = [json.loads(line) for line in self._events.read_text().splitlines()]
        done = [event["resOutputsEvent"]["metadata"] for event in found if "resOutputsEvent" in event]
        return [_step(step["op"], step) for step in done if step["op"] not in {"same", "read"}]

    def state(self) -> dict[str, Any]:
        """The stored checkpoint of the stack."""
        content: dict[str, Any] = json.loads(self.state_file.read_text())
        return content

    @property
    def state_file(self) -> Path:
        """Path of the stack's checkpoint."""
        return self.backend / ".pulumi" / "stacks" / self.name / f"{self.stack}.json"

    def stored(self) -> list[dict[str, Any]]:
        """The resources in the state; empty before the first update."""
        found: list[dict[str, Any]] = self.state()["checkpoint"].get("latest", {}).get("resources", [])
        return found

    def resources(self) -> list[str]:
        """Their URNs."""
        return [resource["urn"] for resource in self.stored()]


def _step(op: str, step: Mapping[str, Any]) -> Step:
    *_, resource_type, name = step["urn"].split("::")
    detailed = step.get("detailedDiff") or {}
    return Step(op, resource_type.rsplit("$", 1)[-1], name, tuple(sorted(detailed)))


def counted(steps: list[Step]) -> dict[str, int]:
    """Number of steps by operation."""
    return dict(Counter(step.op for step in steps))
