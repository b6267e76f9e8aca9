"""The Pulumi CLI on the stacks of this checkout.

The CLI keeps a stack's encryption salt in the project folder's ``Pulumi.<stack>.yaml``. The files of the checkout are
shared, so the CLI works in a private project folder: the program and ``Pulumi.yaml`` are links into the checkout, the
stack files are copies with the salt added.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from otel_mesh_cli.core import embedded, files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.core.run import Done
from otel_mesh_cli.core.run import call as call_program
from otel_mesh_cli.core.run import run as run_program
from otel_mesh_cli.stacks import engine_processes, stack_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

CHARTS_DIR = "OTEL_MESH_CHARTS_DIR"
"""Variable that names a folder of Helm charts, in place of their repositories."""
_TEMPORARY = "tmp-"
_SALT = re.compile(r"^encryptionsalt: .+$", re.MULTILINE)


@dataclass(frozen=True)
class Workspace:
    """Files, state and environment with which the CLI works on stacks.

    Attributes:
        folder: Folder of the CLI's home and the project folder.
        backend: Folder of the state; None if a backend of the user's own keeps it.
        logs: Folder of the updates' logs.
        variables: Environment variables for the CLI and the program; none is a secret.
        changes: Settings that replace those in the checkout's stack files, by stack.
        project_folder: Name of the private project folder, which keeps the salt for one backend's passphrase.
    """

    folder: Path
    backend: Path | None
    logs: Path
    variables: Mapping[str, str]
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    project_folder: str = "project"

    @property
    def home(self) -> Path:
        """PULUMI_HOME, which holds the plugins."""
        return self.folder / "home"

    @property
    def project(self) -> Path:
        """Private project folder."""
        return self.folder / self.project_folder

    def state_file(self, stack: str) -> Path | None:
        """File of a stack's newest state, which need not exist; None if a backend of the user's own keeps it."""
        if self.backend is None:
            return None
        return self.backend / ".pulumi" / "stacks" / project_name() / f"{stack}.json"

    def event_log(self, stack: str) -> Path:
        """Event log of a stack's last update; it is there only until an update succeeds."""
        return self.folder / f"events-{stack}.jsonl"

    @contextmanager
    def process_environment(self, tools: Path) -> Iterator[dict[str, str]]:
        """Environment of a CLI process that runs programs and providers, with a folder for their temporary files.

        The Kubernetes provider writes the kubeconfig, with its keys, to a temporary file that it never removes. The
        folder goes with the block, or after a SIGKILL by `remove_abandoned`.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        prefix = f"{_TEMPORARY}{engine_processes.maker()}-"
        with tempfile.TemporaryDirectory(prefix=prefix, dir=self.folder, ignore_cleanup_errors=True) as temporary:
            yield {**self.environment(tools), "TMPDIR": temporary}

    def remove_abandoned(self) -> None:
        """Remove the temporary files of commands that were killed; the CLIs that they started must have ended."""
        for one in self.folder.glob(f"{_TEMPORARY}*"):
            if not engine_processes.lives(one.name.removeprefix(_TEMPORARY).partition("-")[0]):
                shutil.rmtree(one, ignore_errors=True)  # another command may be at it

    def environment(self, tools: Path) -> dict[str, str]:
        """Environment of a CLI process, with the checkout's Python and the programs first on PATH."""
        path = os.pathsep.join([str(repo_dir() / ".venv" / "bin"), str(tools), os.environ.get("PATH", os.defpath)])
        ambient = dict(os.environ)
        if "PULUMI_CONFIG_PASSPHRASE_FILE" in self.variables:
            ambient.pop("PULUMI_CONFIG_PASSPHRASE", None)  # it would take precedence
        return {**ambient, **self.variables, "PATH": path}


def own_home(home: Path) -> dict[str, str]:
    """Variables that restrict the CLI to the plugins in a PULUMI_HOME, whatever PATH and the network offer."""
    return {
        "PULUMI_HOME": str(home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_DISABLE_REGISTRY_RESOLVE": "true",
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
    }


def make_home(home: Path) -> None:
    """Make a PULUMI_HOME: with the Kubernetes provider, and with a file where the CLI wants its folder of logs.

    The CLI logs every call with all its properties, compressed and encrypted, and has no setting against it (3.259):
    that took most of its processor time. Where it cannot make the folder it works without these logs; those
    of `pulumi --logtostderr -v=9` stay.

    Raises:
        CommandError: The provider could not be had.
    """
    embedded.programs().install_plugin(home)
    logs = home / "logs"
    if logs.is_dir():  # a CLI called without this made it
        shutil.rmtree(logs, ignore_errors=True)  # another process may be at it; the next call tries again
    logs.touch()


def make_project(folder: Path, changes: Mapping[str, Mapping[str, Any]] | None = None) -> Path:
    """Create or update a project folder outside the checkout.

    Args:
        folder: Project folder; encryption salts in its stack files are kept.
        changes: Settings that replace those in the checkout's stack files, by stack.

    Raises:
        CommandError: A stack file that has changes is invalid.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("Pulumi.yaml", "infra"):
        files.link(folder / name, repo_dir() / name)
    for source in repo_dir().glob("Pulumi.*.yaml"):
        if found := stack_file.NAMES.fullmatch(source.name):
            _copy_with_salt(source, folder / source.name, (changes or {}).get(found[1], {}))
    return folder


def _copy_with_salt(source: Path, copy: Path, changes: Mapping[str, Any]) -> None:
    salt = _SALT.search(copy.read_text()) if copy.exists() else None
    text = source.read_text(errors="replace")  # `ensure_stack` has validated the file of the stack in question
    if changes:
        content = stack_file.content(source)
        content["config"][stack_file.SETTINGS] = merged(content["config"][stack_file.SETTINGS], changes)
        text = yaml.safe_dump(content, sort_keys=False)
    if salt:
        text = f"{text.rstrip()}\n{salt[0]}\n"
    files.write(copy, text)


def merged(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with changes merged in, at any depth."""
    both = {
        name: merged(settings[name], value)
        for name, value in changes.items()
        if isinstance(value, dict) and isinstance(settings.get(name), dict)
    }
    return {**settings, **changes, **both}


def ensure_stack(workspace: Workspace, stack: str, tools: Path) -> Path:
    """Create the backend, the project folder, the plugin and the stack if missing; return the project folder.

    Raises:
        CommandError: The checkout has no such stack, or the CLI failed.
    """
    stack_file.settings(stack)  # reports an invalid stack file in one line
    folder = make_project(workspace.project, workspace.changes)
    make_home(workspace.home)
    charts = embedded.charts()
    if charts is not None and workspace.variables.get(CHARTS_DIR) == str(charts.folder()):
        charts.ensure()
    if workspace.backend is not None:
        workspace.backend.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = workspace.state_file(stack)
    if file is not None and file.exists():
        return folder
    done = run(workspace, tools, ["stack", "init", stack, "--no-select"])
    if not done.ok and "already exists" not in done.stderr:
        raise CommandError(f"stack {stack}: {done.reason}", remedy="fix what the message names, then run it again")
    return folder


def project_name() -> str:
    """Name of the project in ``Pulumi.yaml``."""
    return str(yaml.safe_load((repo_dir() / "Pulumi.yaml").read_text())["name"])


def run(workspace: Workspace, tools: Path, words: Sequence[str]) -> Done:
    """Run the CLI and return its result."""
    command = [str(tools / "pulumi"), "-C", str(workspace.project), "--non-interactive", *words]
    with workspace.process_environment(tools) as environment:
        return run_program(command, env=environment)


def call(workspace: Workspace, stack: str, words: Sequence[str]) -> int:
    """Run the CLI on a stack with this terminal and return its exit status."""
    tools = embedded.programs().folder(["engine"])
    folder = ensure_stack(workspace, stack, tools)
    command = [str(tools / "pulumi"), "-C", str(folder), *words]
    # marked, so that the next update ends what a killed run leaves behind
    own = {"PULUMI_STACK": stack, **engine_processes.mark(workspace.project, stack)}
    with workspace.process_environment(tools) as environment:
        return call_program(command, env={**environment, **own})
