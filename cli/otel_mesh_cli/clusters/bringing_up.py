"""`make up STACK=dev CONTEXT=... REGISTRY=...`: refuse what cannot work, push images, run the stack's program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from otel_mesh.core.values import ImageReference
from otel_mesh.k8s.passwords import PASSWORD_KEY
from otel_mesh_cli.clusters import state
from otel_mesh_cli.clusters.kube import Kube
from otel_mesh_cli.clusters.request import NOT_MADE, PUBLIC
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.steps import Steps
from otel_mesh_cli.stacks import update
from otel_mesh_embedded import images, toolchain
from otel_mesh_embedded.node.explain import explained
from otel_mesh_embedded.node.pod_sources import OfKubectl
from otel_mesh_stack import settings as stack_settings
from otel_mesh_stack.services import CATALOG
from otel_mesh_stack.settings import IMAGES_FILE

if TYPE_CHECKING:
    from rich.console import Console

    from otel_mesh_cli.clusters.request import Request
    from otel_mesh_cli.stacks.pulumi_cli import Workspace
    from otel_mesh_stack.model import StackSettings


def run(request: Request, console: Console) -> None:
    """Bring a stack up on another cluster; nothing is registered before everything it needs is known to be there.

    Raises:
        CommandError: something is missing, or the update failed.
    """
    say = Steps(console)
    settings = request.settings()
    if request.registry:
        images.check_registry(request.registry)
    elif settings.images_from_file and IMAGES_FILE not in state.users():
        raise CommandError(
            f"stack {request.stack}: its images are made here and there is no registry to bring them to",
            remedy=f"name one that the cluster pulls from with REGISTRY=..., or an image file with {IMAGES_FILE}",
        )
    programs = toolchain.choices(["engine", "kubectl"])
    tools = toolchain.link(programs)
    for line in toolchain.summary(programs):
        say(line)
    kube = Kube(tools / "kubectl", settings.cluster.context)
    kube.require_answer()
    _require_secrets(settings, kube)
    workspace = state.workspace(request)
    say(f"stack {request.stack} on context {kube.context}, its state {state.told(workspace)}")
    if settings.images_from_file:
        _provide_images(request, settings, kube, workspace, say)
        workspace = state.workspace(request)  # with what was kept just now
    _require_images(request, settings, workspace)
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


def _require_secrets(settings: StackSettings, kube: Kube) -> None:
    """Refuse a cluster without the Secrets that the stack's file names."""
    spaces, shown = settings.namespaces, settings.grafana
    for namespace, secret, key in (
        *((spaces.services, secret, PASSWORD_KEY) for secret in _postgres_secrets(settings)),
        (spaces.services, settings.redis.existing_secret, PASSWORD_KEY),
        (spaces.observability, shown and shown.existing_secret, PASSWORD_KEY),
    ):
        if secret:
            kube.require_secret(namespace, secret, key)
    mesh = settings.mesh
    if mesh.kind != "none" and mesh.gateway.tls_secret and mesh.gateway_certificate is None:
        kube.require_certificate(mesh.gateway_namespace, mesh.gateway.tls_secret)


def _postgres_secrets(settings: StackSettings) -> tuple[str, ...]:
    """Those that exist before PostgreSQL does."""
    own = settings.postgres
    names = own.secret_name, own.migrations_secret_name, own.services_secret_name
    return () if own.existing_secret is None else names


def _provide_images(request: Request, settings: StackSettings, kube: Kube, workspace: Workspace, say: Steps) -> None:
    """Push what the stack's image file is to name, and write that file; or take the file that the user gave."""
    if request.registry is None:
        return
    kube.require_machines()
    if images.is_loopback(request.registry):
        say(f"registry {request.registry} is on the loopback of this machine: nodes elsewhere will not find it")
    base, names = None, images_of(settings)
    if request.images == PUBLIC:
        base = images.pinned(request.base_image or images.default_base())
        say(f"services are built on {base}")
        ours = {image.name for image in images.SERVICES}
        names = [name for name in names if name in ours]  # no registry has those but the user's own
    made = images.ensure(names, service_base=base)
    pushed = images.publish(made, request.registry, say)
    say(f"{len(pushed)} images in {request.registry}")
    changes: dict[str, Any] = {}
    if request.images != PUBLIC:
        say(f"without {', '.join(NOT_MADE)}: there are public images of it only")
        changes = {**NOT_MADE, **{store: {"version": one} for store, one in images.store_versions().items()}}
    state.keep(workspace, pushed, changes)


def _require_images(request: Request, settings: StackSettings, workspace: Workspace) -> None:
    """Refuse images that are in no registry; what was just pushed is."""
    given: dict[str, str] = {}
    if settings.images_from_file:
        given = _read(Path(workspace.variables[IMAGES_FILE]))
    complete = stack_settings.with_images(settings, given)
    parts = (_part(complete, path) for path in stack_settings.IMAGE_KEYS)
    named = [part.image for part in parts if part is not None and part.image]  # without one: what its chart names
    named += [given[service.name] for service in CATALOG.services if service.name in given]
    named += [service.image for service in settings.services.values() if service.image]
    pushed = given.values() if request.registry else ()
    images.require(reference for reference in named if reference not in pushed)


def images_of(settings: StackSettings) -> list[str]:
    """Names of the images that a stack runs: its parts' and its services'."""
    keys = stack_settings.IMAGE_KEYS.items()
    parts = [name for path, name in keys if _part(settings, path) is not None]
    return list(dict.fromkeys([*parts, *(service.name for service in CATALOG.services)]))


def _part(settings: StackSettings, path: str) -> Any:  # noqa: ANN401 -- of several classes, each with an image
    """A part of the settings by its dotted path; None where the stack does without it, as without another mesh."""
    room, _, rest = path.partition(".")
    if room == "mesh" and rest.partition(".")[0] != settings.mesh.kind:
        return None
    part: object = settings
    for name in path.split("."):
        part = getattr(part, name) if part is not None else None
    return part


def _read(file: Path) -> dict[str, str]:
    try:
        return TypeAdapter(dict[str, ImageReference]).validate_json(file.read_bytes())
    except OSError as error:
        raise CommandError(f"{IMAGES_FILE}={file}: {error.strerror}", remedy="name a file that is there") from None
    except ValidationError:
        raise CommandError(
            f"{IMAGES_FILE}={file}: no JSON object of names to pinned images",
            remedy='write one such as {"api-gateway": "registry/api-gateway:1.0"}',
        ) from None


def _namespaces(settings: StackSettings) -> tuple[str, ...]:
    mesh = settings.mesh
    own = (mesh.istio.cni.namespace, mesh.istio.namespace, mesh.gateway_namespace) if mesh.kind == "istio" else ()
    return (*own, settings.namespaces.observability, settings.namespaces.services)
