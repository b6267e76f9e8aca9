"""`otel-mesh up`: from any state of the machine to a request whose trace was read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_cli.core import secrets
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.steps import Steps
from otel_mesh_cli.core.unready_pods import explained
from otel_mesh_cli.smoke import demonstration
from otel_mesh_cli.stacks import sidecars, update
from otel_mesh_cli.stacks.addresses import ADDRESSES
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from otel_mesh_embedded import images, toolchain
from otel_mesh_embedded.environment import entrance, gateway_certificate, health, passwords, workspace
from otel_mesh_embedded.node import cluster, forwards
from otel_mesh_embedded.node.api import Api
from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.node.machine import preflight, state_folder
from otel_mesh_embedded.supervision import machine_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

STACK = "local"


def run(console: Console) -> None:
    """Bring everything up; where it is up already, nothing changes.

    Raises:
        CommandError: something is missing or did not start; the next run continues from there.
    """
    say = Steps(console)
    with machine_lock.hold("otel-mesh up"):
        preflight.check(layout(), [(address.port, address.name) for address in ADDRESSES])
        state_folder.mark(layout().state)
        tools, references = prepare(say)
        workspace.name_images(references)
        secrets.ensure()
        node = cluster.start(say)
        gateway_certificate.hand_over()
        images.import_all(node.ctr, references.values())
        images.require_outside(node.ctr, say)
        with entrance.followed(), explained(STACK, Api(layout()), health.NAMESPACES):
            has_new_password = passwords.follow(tools, say)
            changes = update.up(workspace.local(), STACK, tools, say, Api(layout()).get)
        if has_new_password:
            passwords.deliver()
        say(
            "stack local: " + (", ".join(f"{number} {kind}" for kind, number in sorted(changes.items())) or "no change")
        )
        _require_sidecars()
        for address in ADDRESSES:
            forwards.forward(address)
        say("sending a request and an order through the gateway")
        with explained(STACK, Api(layout()), health.NAMESPACES):
            result = health.checked()
        demonstration.show(result, console)


def prepare(say: Callable[[str], None]) -> tuple[Path, dict[str, str]]:
    """Get the programs and images that are missing: the folder of the programs, and each image's reference by name.

    Only the cache changes: this may run beside an environment, or beside its removal.

    Raises:
        CommandError: one cannot be fetched or built.
    """
    with images.ahead():
        tools = toolchain.folder(stack_mesh().programs, say)
    references = images.make()
    say(f"{len(references)} images")
    return tools, references


def _require_sidecars() -> None:
    bare = sidecars.without_sidecar(Api(layout()).items)
    if bare:
        raise CommandError(
            f"stack {STACK}: without their sidecar: {', '.join('/'.join(pod) for pod in bare)}",
            remedy="; ".join(sidecars.remedy(*pod) for pod in bare),
        )
