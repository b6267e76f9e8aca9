"""Shell steps read out of pipeline files, run as the pipeline runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from otel_mesh_cli.core.paths import repo_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTION = repo_dir() / ".github/actions/review/action.yml"
COMMENTING = repo_dir() / ".github/workflows/review-comment.yml"
TEMPLATE = repo_dir() / "ci/gitlab/review.yml"
COMMAND = str(Path(sys.executable).with_name("otel-mesh"))
_EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")


@dataclass
class Runner:
    """A runner of GitHub Actions in a checkout.

    Attributes:
        checkout: Working directory of the steps.
        temporary: Folder of the runner.
        expressions: Values of expressions in the steps' environment; steps' outputs are added.
    """

    checkout: Path
    temporary: Path
    expressions: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """Summary of the job."""
        file = self.temporary / "summary"
        return file.read_text() if file.exists() else ""

    def run(self, step: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        """Run a step; its outputs become expressions."""
        assert step.get("shell", "bash") == "bash"
        assert "${{" not in step["run"], "values of the event belong into the environment, not into the script"
        output = self.temporary / "output"
        output.write_text("")
        given = {
            name: _EXPRESSION.sub(lambda found: self.expressions[found[1]], value)
            for name, value in step.get("env", {}).items()
        }
        files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(self.temporary / "summary")}
        environment = {**os.environ, **self.environment, **files, "RUNNER_TEMP": str(self.temporary), **given}
        script = self.temporary / "step.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self.checkout,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        for line in output.read_text().splitlines():
            name, _, value = line.partition("=")
            self.expressions[f"steps.{step['id']}.outputs.{name}"] = value
        return done


def action_steps() -> dict[str, dict[str, Any]]:
    """Shell steps of the action by name."""
    steps = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
    return {one["name"]: one for one in steps if "run" in one}


def action_inputs(**given: str) -> dict[str, str]:
    """Expressions of the action's inputs, with their defaults."""
    inputs = yaml.safe_load(ACTION.read_text())["inputs"]
    return {
        f"inputs.{name}": given.get(name.replace("-", "_"), str(one.get("default"))) for name, one in inputs.items()
    }


def gitlab_job(**inputs: str) -> tuple[str, dict[str, Any]]:
    """Name and content of the template's job."""
    header, text = TEMPLATE.read_text().split("\n---\n")
    declared = yaml.safe_load(header)["spec"]["inputs"]
    values = {name: str(one["default"]) for name, one in declared.items() if "default" in one} | inputs
    filled = re.sub(r"\$\[\[ inputs\.([a-z-]+) \]\]", lambda found: values[found[1]], text)
    ((name, job),) = yaml.safe_load(filled).items()
    return name, job
