"""`otel-mesh up --stack dev --context NAME`: refuse what cannot work, bring the images, run the stack's program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_cli.clusters import prerequisites, stack_images, state
from otel_mesh_cli.clusters.kube import Kube
from otel_mesh_cli.clusters.request import PUBLIC
from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.pod_sources import OfKubectl
from otel_mesh_cli.core.steps import Steps
from otel_mesh_cli.core.unready_pods import explained
from otel_mesh_cli.images import choosing, registry_checks
from otel_mesh_cli.stacks import update
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from rich.console import Console

    from otel_mesh_cli.clusters.request import Request
    from otel_mesh_cli.images.builder import Builder
    from otel_mesh_stack.model import StackSettings


def run(request: Request, console: Console) -> None:
    """Bring a stack up on another cluster; nothing is registered before everything it needs is known to be there.

    Raises:
        CommandError: something is missing, or the update failed.
    """
    say = Steps(console)
    settings = request.settings()
    nodes = stack_images.nodes(request, settings)
    builds = bool(request.registry) or nodes is not None
    builder = _builder(request, say, needed=builds)
    if builder is not None and request.registry:
        registry_checks.require_answer(builder, request.registry)
    tools = embedded.programs().folder(["engine", "kubectl"], say)
    kube = Kube(tools / "kubectl", settings.cluster.context)
    kube.require_answer()
    prerequisites.require_secrets(settings, kube)
    workspace = state.workspace(request)
    say(f"stack {request.stack} on context {kube.context}, its state {state.location(workspace)}")
    if builder is not None:
        if builds:
            stack_images.Delivery(request, builder, nodes, kube, say).provide(settings, workspace)
            workspace = state.workspace(request)  # with the settings that follow from the images
        stack_images.require(settings, workspace, builder, provided=builds)
    source = OfKubectl(str(tools / "kubectl"), kube.context)
    with explained(request.stack, source, _namespaces(settings)):
        changes = update.up(workspace, request.stack, tools, say)
    say(f"stack {request.stack}: " + (", ".join(f"{number} {kind}" for kind, number in sorted(changes.items()))))
    for service in CATALOG.services:
        if service.exposed:
            words = f"-n {settings.namespaces.services} port-forward service/{service.name} {service.port}"
            console.print(
                f"  {service.name}  kubectl --context {kube.context} {words}", highlight=False, soft_wrap=True
            )


def _builder(request: Request, say: Steps, *, needed: bool) -> Builder | None:
    """Who builds images and asks registries; None where nothing is to be built and nobody can ask."""
    try:
        return choosing.choose(request.builder, say, everything=request.images != PUBLIC)
    except CommandError as error:
        if needed or request.builder != "auto" or request.images != PUBLIC:
            raise
        say(f"{error.message}: registries are not asked whether they have the stack's images")
        return None


def _namespaces(settings: StackSettings) -> tuple[str, ...]:
    return (*settings.mesh.namespaces, settings.namespaces.observability, settings.namespaces.services)
