"""Images that a stack runs: which are built here, how its cluster gets them, and which must exist already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from otel_mesh.core.values import ImageReference
from otel_mesh_cli.clusters import state
from otel_mesh_cli.clusters.request import NOT_MADE, PUBLIC
from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.images import local_nodes, references, registry_checks, services
from otel_mesh_stack.images import IMAGE_KEYS, IMAGES_FILE, with_images
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_mesh_cli.clusters.kube import Kube
    from otel_mesh_cli.clusters.request import Request
    from otel_mesh_cli.images.builder import Builder, Plan
    from otel_mesh_cli.images.local_nodes import LocalNodes
    from otel_mesh_cli.stacks.pulumi_cli import Workspace
    from otel_mesh_stack.model import StackSettings


def nodes(request: Request, settings: StackSettings) -> LocalNodes | None:
    """Nodes that images are loaded into; None where a registry or an image file is named, or nothing is built.

    Raises:
        CommandError: images are built here, and there is no way to the cluster for them.
    """
    if request.registry or not settings.images_from_file or IMAGES_FILE in state.user_environment():
        return None
    found = local_nodes.of_context(settings.cluster.context)
    if found is None:
        raise CommandError(
            f"stack {request.stack}: its services' images are built here, and context {settings.cluster.context} is not"
            " a cluster of kind, k3d or minikube, which would get them without a registry",
            remedy="name the registry that the cluster pulls from with --registry HOST/PATH,"
            f" or an image file with {IMAGES_FILE}",
        )
    return found


@dataclass(frozen=True)
class Delivery:
    """How the images that are built here get into the cluster.

    Attributes:
        request: the stack, and the registry if there is one.
        builder: builds the images.
        nodes: nodes to load the images into if there is no registry.
        kube: the cluster.
        say: called with what is being done.
    """

    request: Request
    builder: Builder
    nodes: LocalNodes | None
    kube: Kube
    say: Callable[[str], None]

    def provide(self, settings: StackSettings, workspace: Workspace) -> None:
        """Build the images that the stack's image file names, bring them to the cluster and write that file.

        Args:
            settings: settings of the stack.
            workspace: workspace of the stack.

        Raises:
            CommandError: a build failed, or the registry or the nodes did not take an image.
        """
        self.kube.require_machines()
        names, base = self._wanted(settings)
        plans = self.builder.plan(names, base)
        provided = self._load(plans, self.nodes) if self.nodes is not None else self._publish(plans)
        changes: dict[str, Any] = {}
        if self.request.images != PUBLIC:
            self.say(f"without {', '.join(NOT_MADE)}: only a public image of it exists")
            versions = embedded.require("--images local").images.store_versions()
            changes = {**NOT_MADE, **{store: {"version": one} for store, one in versions.items()}}
        state.record(workspace, provided, changes)

    def _wanted(self, settings: StackSettings) -> tuple[list[str], str | None]:
        """Names of the images to build, and the base of the services' images."""
        names = images_of(settings)
        if self.request.images != PUBLIC:
            return names, None
        base = registry_checks.pinned(self.builder, self.request.base_image or services.default_base())
        self.say(f"services are built on {base}")
        ours = {image.name for image in services.service_images()}
        return [name for name in names if name in ours], base

    def _publish(self, plans: Iterable[Plan]) -> dict[str, str]:
        registry = self.request.registry or ""
        if references.is_loopback(f"{registry}/x"):
            self.say(f"registry {registry} is on this machine's loopback interface: nodes elsewhere cannot reach it")
        pushed = self.builder.publish(plans, registry, self.say)
        self.say(f"{len(pushed)} images in {registry}")
        return pushed

    def _load(self, plans: Iterable[Plan], nodes: LocalNodes) -> dict[str, str]:
        """Load what a node lacks; references have no digest: a node would look that up in a registry."""
        present = self.kube.images_on_all_nodes()
        loaded = {}
        for plan in plans:
            if plan.reference not in present:
                with self.builder.archive(plan, self.say) as file:
                    self.say(f"loading {plan.reference} into {nodes}")
                    nodes.load(file, plan.reference)
            loaded[plan.name] = plan.reference
        self.say(f"{len(loaded)} images in the nodes of {nodes}")
        return loaded


def require(settings: StackSettings, workspace: Workspace, builder: Builder, *, provided: bool) -> None:
    """Refuse images that are in no registry.

    Args:
        settings: settings of the stack.
        workspace: workspace of the stack, which names its image file.
        builder: asks the registries.
        provided: whether the images of the image file were just brought to the cluster.

    Raises:
        CommandError: an image is missing, or its registry does not answer; or the image file is wrong.
    """
    given: dict[str, str] = {}
    if settings.images_from_file:
        given = _read(Path(workspace.variables[IMAGES_FILE]))
    complete = with_images(settings, given)
    parts = (part(complete, path) for path in IMAGE_KEYS)
    named = [one.image for one in parts if one is not None and one.image]  # without one, its chart names it
    named += [given[service.name] for service in CATALOG.services if service.name in given]
    named += [service.image for service in settings.services.values() if service.image]
    known = set(given.values()) if provided else set()
    registry_checks.require(builder, (reference for reference in named if reference not in known))


def images_of(settings: StackSettings) -> list[str]:
    """Names of the images that a stack runs, in the image file: its parts' and its services'."""
    keys = IMAGE_KEYS.items()
    parts = [name for path, name in keys if part(settings, path) is not None]
    return list(dict.fromkeys([*parts, *(service.name for service in CATALOG.services)]))


def part(settings: StackSettings, path: str) -> Any:  # noqa: ANN401 -- of several classes, each with an image
    """A part of the settings by its dotted path; None if the stack runs without it, or with another mesh."""
    room, _, rest = path.partition(".")
    if room == "mesh" and rest.partition(".")[0] != settings.mesh.kind:
        return None
    found: object = settings
    for name in path.split("."):
        found = getattr(found, name) if found is not None else None
    return found


def _read(file: Path) -> dict[str, str]:
    try:
        return TypeAdapter(dict[str, ImageReference]).validate_json(file.read_bytes())
    except OSError as error:
        raise CommandError(f"{IMAGES_FILE}={file}: {error.strerror}", remedy="name a file that exists") from None
    except ValidationError:
        raise CommandError(
            f"{IMAGES_FILE}={file}: not a JSON object of names to pinned images",
            remedy='write one such as {"api-gateway": "registry/api-gateway:1.0"}',
        ) from None
