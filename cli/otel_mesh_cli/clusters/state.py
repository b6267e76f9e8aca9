"""Where the Pulumi state of a stack on another cluster lives: where the user's other stacks do, else in a folder."""

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
from otel_mesh_stack.settings import IMAGES_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_cli.clusters.request import Request

_PASSPHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
_CHANGES = "changes.json"
_CLOUD = "https://api.pulumi.com"


def workspace(request: Request) -> Workspace:
    """The workspace of a stack on another cluster, with its secrets' passphrase where the state is kept here.

    Raises:
        CommandError: the user's backend needs a passphrase and none is given.
    """
    folder = stacks_dir() / request.stack
    for private in (stacks_dir(), folder):
        private.mkdir(mode=0o700, parents=True, exist_ok=True)
    given = None if request.registry else users().get(IMAGES_FILE)
    variables = {**pulumi_cli.own_home(folder / "home"), IMAGES_FILE: given or str(folder / "images.json")}
    changes = {request.stack: pulumi_cli.merged(_kept(folder), request.changes())}
    if url := own_backend(users()):
        _require_passphrase(request.stack, url)
        variables |= {"PULUMI_CREDENTIALS_PATH": str(_credentials(users())), "PULUMI_BACKEND_URL": url}
        # each backend has a passphrase of its own, and the project folder the salt that goes with it
        project = f"project-{hashlib.sha256(url.encode()).hexdigest()[:12]}"
        return Workspace(folder, None, folder / "logs", variables, changes, project)
    backend = stacks_dir() / "backend"
    passphrase = stacks_dir() / secrets.PASSPHRASE
    secrets.create(passphrase)
    variables |= {"PULUMI_BACKEND_URL": f"file://{backend}", "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase)}
    return Workspace(folder, backend, folder / "logs", variables, changes)


def keep(workspace: Workspace, pushed: Mapping[str, str], changes: Mapping[str, Any]) -> None:
    """Keep what was pushed, and what of the settings follows from it, for this and later commands on the stack.

    Args:
        workspace: of the stack.
        pushed: name -> image.
        changes: settings that take the place of those in the stack's file.
    """
    for name, content in (("images.json", pushed), (_CHANGES, changes)):
        files.write(workspace.folder / name, json.dumps(content, indent=2, sort_keys=True) + "\n")


def _kept(folder: Path) -> dict[str, Any]:
    file = folder / _CHANGES
    return dict(json.loads(file.read_text())) if file.exists() else {}


def users() -> dict[str, str]:
    """The environment without what `make env` put there: that belongs to the embedded environment."""
    found = embedded.find()
    ours = found.local.workspace().variables if found is not None else {}
    return {name: value for name, value in os.environ.items() if ours.get(name) != value}


def own_backend(environment: Mapping[str, str]) -> str | None:
    """The backend that the user's own Pulumi uses; None where there is none.

    Args:
        environment: variables, as of a process.
    """
    if url := environment.get("PULUMI_BACKEND_URL"):
        return url
    if environment.get("PULUMI_ACCESS_TOKEN"):
        return _CLOUD
    try:
        content = json.loads((_credentials(environment) / "credentials.json").read_text())
        return str(content["current"]) if content.get("current") else None
    except (OSError, ValueError, AttributeError):
        return None  # never logged in


def told(workspace: Workspace) -> str:
    """Where the state is, for a person: without what a URL may hold of a login."""
    if workspace.backend is not None:
        return f"in {workspace.backend} (no PULUMI_BACKEND_URL and no `pulumi login` here)"
    url = urlsplit(workspace.variables["PULUMI_BACKEND_URL"])
    return f"in your own backend {url.scheme}://{url.hostname or ''}{url.path}"


def _credentials(environment: Mapping[str, str]) -> Path:
    folder = environment.get("PULUMI_CREDENTIALS_PATH") or environment.get("PULUMI_HOME")
    return Path(folder) if folder else Path.home() / ".pulumi"


def _require_passphrase(stack: str, url: str) -> None:
    """Such a backend encrypts by a passphrase, unless the stack's file names a key of a cloud."""
    is_service = url.startswith(("https://", "http://"))
    has_key = "secretsprovider" in stack_file.content(stack_file.require(stack))
    if not is_service and not has_key and not any(name in users() for name in _PASSPHRASES):
        raise CommandError(
            f"stack {stack}: the state's backend is yours and encrypts with a passphrase, which is not given",
            remedy="put it into a file and name that with PULUMI_CONFIG_PASSPHRASE_FILE",
        )
