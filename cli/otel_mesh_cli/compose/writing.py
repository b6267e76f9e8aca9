"""Writes a project's folder, and the secret files beside the other local state."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from otel_mesh.k8s.manifests import to_yaml
from otel_mesh_cli.compose.objects import declared, settings
from otel_mesh_cli.compose.project import Published, translate
from otel_mesh_cli.core import output_folder, secrets
from otel_mesh_cli.core.paths import repo_dir, state_dir
from otel_mesh_cli.images import services
from otel_mesh_cli.stacks import addresses, local_stack

if TYPE_CHECKING:
    from pathlib import Path

    from otel_mesh_cli.compose.project import Project

FILE = "docker-compose.yaml"
_COMMAND = "otel-mesh compose"
_HEAD = """\
 from the objects of stack local: edit those, not this file.
# One container for each workload, without replicas, disruption budgets, network policies and a mesh.
# Needs Docker Compose 2.30 (post_start hooks) and Docker Engine 25 (start_interval of health checks).
"""
_READABLE_BY_CONTAINERS = 0o444
_OPENED = (addresses.GATEWAY, *addresses.TOOLS, addresses.GRAFANA)


def run(out: str) -> str:
    """Writes the project and missing secrets, and returns text on how to start it.

    Args:
        out: Folder to write; one that this command wrote before is replaced as a whole.

    Raises:
        CommandError: The folder holds something else, or an object of the stack has no counterpart in Compose.
    """
    target = output_folder.named(out, _COMMAND, FILE, f"{_COMMAND} --out compose")
    project = project_for(target)
    content = f"{output_folder.mark(_COMMAND)}{_HEAD}{to_yaml(project.content)}"
    output_folder.replace(target, {FILE: content, **project.files})
    for name in project.secret_files:
        _make_secret(secrets_dir() / name)
    started = f"docker compose --file {target / FILE} up --build --detach"
    opened = [f"  {one.name:<{addresses.COLUMN}}{one.page or one.url}" for one in _OPENED]
    opened.append(f"passwords are in {secrets_dir()}; Grafana's user is admin")
    return "\n".join(
        [f"{len(project.content['services'])} services in {target}; start them with", f"  {started}", *opened]
    )


def project_for(target: Path) -> Project:
    """The project for a folder.

    Args:
        target: The folder; paths to the sources of images are relative to it.
    """
    return translate(declared(), builds=builds(target), published=published(), secrets_dir=secrets_dir())


def secrets_dir() -> Path:
    """Folder with one file for each secret; only its owner may enter it."""
    return state_dir().with_name(f"{state_dir().name}-compose") / "secrets"


def builds(target: Path) -> dict[str, dict[str, Any]]:
    """Build sections of our services' images, by service name."""
    made = {}
    context = os.path.relpath(repo_dir(), target)
    dockerfile = str(services.dockerfile().relative_to(repo_dir()))
    for image in services.service_images():
        made[image.name] = {"context": context, "dockerfile": dockerfile, "args": image.arguments}
    return made


def published() -> list[Published]:
    """The ports that people open, with the variables and defaults of the embedded environment."""
    places = local_stack.places(settings())
    return [
        Published(f"{place.namespace}/{place.name}", place.port, address.variable, address.default_port)
        for address in _OPENED
        for place in (places[address.name],)
    ]


def _make_secret(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    secrets.create(path)
    # bind-mounted: containers run as other users than the owner, and nobody else can enter the folder
    path.chmod(_READABLE_BY_CONTAINERS)
