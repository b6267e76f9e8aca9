"""The project's folder, and the secrets beside the other local state."""

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
 from the objects of stack local: change those, not this.
# One container of each; what a cluster does by replicas, budgets, network policies and a mesh is not here.
# Needs Docker Compose 2.30 (hooks after a container's start) and Docker Engine 25 (checks while one starts).
"""
_READABLE_BY_CONTAINERS = 0o444
_OPENED = (addresses.GATEWAY, *addresses.TOOLS, addresses.GRAFANA)


def run(out: str) -> str:
    """Write the project and the secrets that are missing, and say how it is started.

    Args:
        out: the folder; one that this command wrote before is replaced as a whole.

    Raises:
        CommandError: the folder holds something else, or the stack has something that Compose has no counterpart for.
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
        [f"{len(project.content['services'])} services in {target}; start them by", f"  {started}", *opened]
    )


def project_for(target: Path) -> Project:
    """The project as it is written into a folder.

    Args:
        target: the folder, from which the images' sources are found.
    """
    return translate(declared(), builds=builds(target), published=published(), secrets_dir=secrets_dir())


def secrets_dir() -> Path:
    """One file for each secret. Nobody but its owner may enter the folder."""
    return state_dir().with_name(f"{state_dir().name}-compose") / "secrets"


def builds(target: Path) -> dict[str, dict[str, Any]]:
    """How each of our services' images is made, by the service's name."""
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
    # mounted as it is: users of containers are nobody's here, and nobody else gets into the folder
    path.chmod(_READABLE_BY_CONTAINERS)
