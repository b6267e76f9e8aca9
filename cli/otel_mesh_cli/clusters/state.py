"""Pulumi state of stacks on other clusters: in the user's own backend, else in a folder of this machine."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from otel_mesh_cli.core import embedded, files, secrets
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import stacks_dir
from otel_mesh_cli.stacks import pulumi_cli, stack_file
from otel_mesh_cli.stacks.pulumi_cli import Workspace
from otel_mesh_stack.images import IMAGES_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_cli.clusters.request import Request

_PASSPHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
_CHANGES = "changes.json"
_CLOUD = "https://api.pulumi.com"


def workspace(request: Request) -> Workspace:
    """Workspace of a stack on another cluster, with a generated passphrase if the state is stored on this machine.

    Raises:
        CommandError: the user's backend encrypts with a passphrase, and none is set.
    """
    folder = stacks_dir() / request.stack
    for private in (stacks_dir(), folder):
        private.mkdir(mode=0o700, parents=True, exist_ok=True)
    given = None if request.registry else user_environment().get(IMAGES_FILE)
    variables = {**pulumi_cli.own_home(folder / "home"), IMAGES_FILE: given or str(folder / "images.json")}
    changes = {request.stack: pulumi_cli.merged(_recorded(folder), request.changes())}
    if url := own_backend(user_environment()):
        _require_passphrase(request.stack, url)
        variables |= {"PULUMI_CREDENTIALS_PATH": str(_credentials(user_environment())), "PULUMI_BACKEND_URL": url}
        # a project folder holds the salt of one backend's passphrase
        project = f"project-{hashlib.sha256(url.encode()).hexdigest()[:12]}"
        return Workspace(folder, None, folder / "logs", variables, changes, project)
    backend = stacks_dir() / "backend"
    passphrase = stacks_dir() / secrets.PASSPHRASE
    secrets.create(passphrase)
    variables |= {"PULUMI_BACKEND_URL": f"file://{backend}", "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase)}
    return Workspace(folder, backend, folder / "logs", variables, changes)


def record(workspace: Workspace, images: Mapping[str, str], changes: Mapping[str, Any]) -> None:
    """Write the image file and the settings that follow from it, for this and later commands on the stack.

    Args:
        workspace: workspace of the stack.
        images: reference by image name.
        changes: settings that replace those of the stack file.
    """
    for name, content in (("images.json", images), (_CHANGES, changes)):
        files.write(workspace.folder / name, json.dumps(content, indent=2, sort_keys=True) + "\n")


def _recorded(folder: Path) -> dict[str, Any]:
    file = folder / _CHANGES
    return dict(json.loads(file.read_text())) if file.exists() else {}


def user_environment() -> dict[str, str]:
    """Environment variables but those that `otel-mesh env` set: they belong to the embedded environment."""
    found = embedded.find()
    ours = found.local.workspace().variables if found is not None else {}
    return {name: value for name, value in os.environ.items() if ours.get(name) != value}


def own_backend(environment: Mapping[str, str]) -> str | None:
    """URL of the backend that the user's own Pulumi uses; None if there is none.

    Args:
        environment: environment variables.
    """
    if url := environment.get("PULUMI_BACKEND_URL"):
        return url
    if environment.get("PULUMI_ACCESS_TOKEN"):
        return _CLOUD
    try:
        content = json.loads((_credentials(environment) / "credentials.json").read_text())
        return str(content["current"]) if content.get("current") else None
    except (OSError, ValueError, AttributeError):
        return None  # no login


def location(workspace: Workspace) -> str:
    """Location of the state for messages: a URL without user and password."""
    if workspace.backend is not None:
        return f"in {workspace.backend} (no PULUMI_BACKEND_URL and no `pulumi login` here)"
    url = urlsplit(workspace.variables["PULUMI_BACKEND_URL"])
    return f"in your own backend {url.scheme}://{url.hostname or ''}{url.path}"


def _credentials(environment: Mapping[str, str]) -> Path:
    folder = environment.get("PULUMI_CREDENTIALS_PATH") or environment.get("PULUMI_HOME")
    return Path(folder) if folder else Path.home() / ".pulumi"


def _require_passphrase(stack: str, url: str) -> None:
    """Refuse a backend that encrypts with a passphrase, unless one is set or the stack file names a cloud key."""
    is_service = url.startswith(("https://", "http://"))
    has_key = "secretsprovider" in stack_file.content(stack_file.require(stack))
    if not is_service and not has_key and not any(name in user_environment() for name in _PASSPHRASES):
        raise CommandError(
            f"stack {stack}: your Pulumi backend encrypts with a passphrase, and none is set",
            remedy="put one into a file and set PULUMI_CONFIG_PASSPHRASE_FILE to its path",
        )
