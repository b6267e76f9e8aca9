"""The Pulumi CLI on this checkout's stacks, with the state of stack ``local`` beside the cluster it describes.

The CLI keeps a stack's encryption salt in the project folder's ``Pulumi.<stack>.yaml``. The checkout's files are
everybody's, so the CLI works in a private project folder: the program and ``Pulumi.yaml`` are links into the checkout,
the stack files are copies with the salt added.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from local import images, secrets, toolchain
from local.errors import LocalError
from local.paths import repo_dir, state_dir

if TYPE_CHECKING:
    from collections.abc import Sequence

_STACK_FILE = re.compile(r"Pulumi\.([a-z0-9-]+)\.yaml")
_SALT = "encryptionsalt"


def pulumi_dir() -> Path:
    """Backend, home and private project folder of the CLI."""
    return state_dir() / "pulumi"


def environment() -> dict[str, str]:
    """The variables by which the CLI and the stack's program find everything; none of them is a secret."""
    return {
        "PULUMI_HOME": str(pulumi_dir() / "home"),
        "PULUMI_BACKEND_URL": f"file://{pulumi_dir() / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(secrets.secrets_dir() / secrets.PASSPHRASE),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_DISABLE_REGISTRY_RESOLVE": "true",
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",  # the provider of PULUMI_HOME, not the one that PATH has too
        "OTEL_MESH_IMAGES_FILE": str(images.images_file()),
        "OTEL_MESH_SECRETS_DIR": str(secrets.secrets_dir()),
    }


def process_environment(tools: Path) -> dict[str, str]:
    """The whole environment of a CLI process: the checkout's Python and the programs come first on PATH."""
    path = os.pathsep.join([str(repo_dir() / ".venv" / "bin"), str(tools), os.environ.get("PATH", os.defpath)])
    return {**os.environ, **environment(), "PATH": path, "KUBECONFIG": str(state_dir() / "kubeconfig")}


def make_project(folder: Path) -> Path:
    """Make, or bring up to date, a project folder outside the checkout.

    Args:
        folder: where; an encryption salt that its stack files hold already is kept.

    Raises:
        LocalError: a stack file of the checkout is not YAML.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("Pulumi.yaml", "infra"):
        _link(folder / name, repo_dir() / name)
    for source in repo_dir().glob("Pulumi.*.yaml"):
        if _STACK_FILE.fullmatch(source.name):
            _copy_with_salt(source, folder / source.name)
    return folder


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _copy_with_salt(source: Path, copy: Path) -> None:
    salt = (yaml.safe_load(copy.read_text()) or {}).get(_SALT) if copy.exists() else None
    text = source.read_text()
    try:
        yaml.safe_load(text)
    except yaml.YAMLError as error:
        place = (
            f":{error.problem_mark.line + 1}" if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark else ""
        )
        raise LocalError(f"{source}{place}: not YAML", remedy="mend the file") from error
    if salt:
        text = f"{text.rstrip()}\n{_SALT}: {salt}\n"
    if copy.exists() and copy.read_text() == text:
        return
    handle, temporary = tempfile.mkstemp(dir=copy.parent, prefix=f".{copy.name}.")
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    Path(temporary).replace(copy)


def ensure_stack(stack: str, tools: Path) -> Path:
    """Make the backend, the project folder, the plugin and the stack where they are missing; return the folder.

    Raises:
        LocalError: there is no such stack in the checkout, or the CLI refused.
    """
    if not (repo_dir() / f"Pulumi.{stack}.yaml").exists():
        known = sorted(m[1] for p in repo_dir().glob("Pulumi.*.yaml") if (m := _STACK_FILE.fullmatch(p.name)))
        raise LocalError(
            f"stack {stack!r}: the checkout has none of this name", remedy=f"use one of {', '.join(known)}"
        )
    secrets.ensure()
    folder = make_project(pulumi_dir() / "project")
    (pulumi_dir() / "backend").mkdir(mode=0o700, parents=True, exist_ok=True)
    toolchain.install_pulumi_plugin(pulumi_dir() / "home")
    checkpoint = pulumi_dir() / "backend" / ".pulumi" / "stacks" / project_name() / f"{stack}.json"
    if not checkpoint.exists():
        done = run(tools, ["stack", "init", stack, "--no-select"], folder)
        if done.returncode:
            raise LocalError(f"stack {stack}: {last_line(done.stderr)}", remedy="mend what it names, then try again")
    return folder


def project_name() -> str:
    """The project's name in ``Pulumi.yaml``."""
    return str(yaml.safe_load((repo_dir() / "Pulumi.yaml").read_text())["name"])


def run(tools: Path, words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the CLI to its end and return what it printed."""
    return subprocess.run(
        [tools / "pulumi", "-C", folder, "--non-interactive", *words],
        env=process_environment(tools),
        capture_output=True,
        text=True,
        check=False,
    )


def call(stack: str, words: Sequence[str]) -> int:
    """Run the CLI on a stack as a person would, with this terminal, and return its exit status."""
    tools = toolchain.ensure(["engine"])
    folder = ensure_stack(stack, tools)
    command = [str(tools / "pulumi"), "-C", str(folder), *words]
    return subprocess.run(command, env={**process_environment(tools), "PULUMI_STACK": stack}, check=False).returncode


def last_line(text: str) -> str:
    """The last line that says something: the CLI puts its reason there."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
