"""Making the images that are missing."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_cli.images import contexts
from otel_mesh_cli.stacks import stack_file
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from otel_mesh_embedded import packages, toolchain
from otel_mesh_embedded.images import pip_settings, roots
from otel_mesh_embedded.images.buildah import Buildah
from otel_mesh_embedded.images.recipes import (
    BACKUP_STORE,
    IMAGES,
    LOAD_GENERATOR,
    PAGE,
    RECIPES,
    REGISTRY,
    ROOTS,
    SERVICES,
)
from otel_mesh_embedded.toolchain import disk_space
from otel_mesh_embedded.toolchain.prometheus_page import prometheus_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_mesh_embedded.images.recipes import Image

SKOPEO = ("skopeo",)
"""Debian package of the program that pushes images."""
_ROOTS = {root.name: root for root in ROOTS}
_STORES = {"postgres": "postgresql", "redis": "redis-server"}  # package by image
_KEPT = 3  # archives per image, so that switching between two branches builds nothing
_SIZE = 4 * disk_space.GIB


def archive(reference: str) -> Path:
    """File of an image in the format of ``docker save``."""
    name, tag = reference.removeprefix(f"{REGISTRY}/").split(":")
    return cache_dir() / "images" / "archives" / f"{name}-{tag}.tar"


@dataclass(frozen=True)
class Plan:
    """An image as it would be built now."""

    image: Image
    content: Mapping[str, Path]
    """File by path in the build context."""
    reference: str
    base: str | None
    """Reference of the base image; None for an image without one."""
    root: roots.Base | None
    """File system of the base image; None if the base comes from a registry."""


def make(
    names: Iterable[str] | None = None, *, refresh: bool = False, service_base: str | None = None
) -> dict[str, str]:
    """Make the images that are missing.

    An image's tag is a hash of everything that goes into it: as long as nothing changes, nothing is built.

    Args:
        names: images; by default all that stack ``local`` runs.
        refresh: make the base file systems again from the newest packages.
        service_base: image of a registry, named by its digest, that the services are built on; by default their base
            is made of the machine's packages, as for all other images.

    Returns:
        Reference by image name; each image's archive is in the cache.

    Raises:
        CommandError: an image cannot be made, or one is missing and this process is not root.
    """
    chosen = _of_stack() if names is None else set(names)
    wanted = [image for image in IMAGES if image.name in chosen]
    programs = sorted({program for image in wanted for program in image.programs})
    choices = {choice.name: choice for choice in toolchain.choices(programs)}
    given = {name: choice.file for name, choice in choices.items()}
    if any(image.page for image in wanted):
        given[PAGE] = prometheus_page(built_in=choices["prometheus"].origin != "modules", refresh=refresh)
    on_public = SERVICES if service_base else ()
    own = [image for image in wanted if image not in on_public]
    needed = [_ROOTS[name] for name in dict.fromkeys(image.root for image in own) if name]
    with files.locked(cache_dir() / "images" / ".lock"):
        bases = {root.name: None if refresh else roots.known(root) for root in needed}
        store: Buildah | None = None
        for root in needed:
            if bases[root.name] is None:
                store = store or _open_store()
                with _reported(f"base {root.name}"):
                    bases[root.name] = roots.make(root, store, _log(f"base-{root.name}"))
        plans = [
            _plan(image, given, service_base if image in on_public else bases.get(image.root or "")) for image in wanted
        ]
        for plan in plans:
            if not archive(plan.reference).exists():
                store = store or _open_store()
                with _reported(plan.image.name):
                    _make(plan, store)
        if store and names is None:
            store.clean({name for plan in plans for name in (plan.reference, plan.base) if name}, _log("images"))
            _forget_old(plans)
    return {plan.image.name: plan.reference for plan in plans}


def _of_stack() -> set[str]:
    """Names of the images that stack ``local`` may run, by what its file switches off."""
    programs = set(toolchain.GROUPS["istio"])
    with_istio = stack_mesh().kind == "istio"
    names = {image.name for image in IMAGES if with_istio or not programs.intersection(image.programs)}
    settings = stack_file.settings(stack_file.LOCAL)
    if settings.get("load_generator") is None:
        names.discard(LOAD_GENERATOR)
    if not (settings.get("postgres_backup") or {}).get("store"):
        names.discard(BACKUP_STORE)
    return names


def without_programs() -> list[str]:
    """Images of stack ``local`` without programs of the toolchain; none if all of them were made before."""
    names = [image.name for image in IMAGES if image.name in _of_stack() and not image.programs]
    folder = cache_dir() / "images" / "archives"
    return [] if os.geteuid() != 0 or all(any(folder.glob(f"{name}-*.tar")) for name in names) else names


def skopeo() -> tuple[Path, dict[str, str]]:
    """File of skopeo out of Debian's package, and environment variables that it needs."""
    prefix = packages.ensure(SKOPEO)
    return prefix / "usr" / "bin" / "skopeo", packages.environment(prefix)


def store_versions() -> dict[str, str]:
    """Major versions of the stores by image name, for images that were made before."""
    found = {name: roots.major_version(_ROOTS[name], package) for name, package in _STORES.items()}
    return {name: version for name, version in found.items() if version is not None}


def _plan(image: Image, files: Mapping[str, Path], base: roots.Base | str | None) -> Plan:
    given = {name: files[name] for name in (*image.programs, *([PAGE] if image.page else []))}
    content = contexts.files(image.dockerfile, image.context, given, image.arguments)
    # A program's folder is named after a hash of everything it was made from.
    known = {name: files[name].parent.name for name in image.programs}
    root = base if isinstance(base, roots.Base) else None
    name = f"{REGISTRY}/base-{image.root}:{root.identity}" if root else str(base or "")
    # A public base is identified by its digest: the same content in every registry.
    identity = root.identity if root else name.partition("@")[2]
    tag = contexts.tag(image.dockerfile, content, known, identity, image.arguments)
    return Plan(image, content, f"{REGISTRY}/{image.name}:{tag}", name or None, root)


def _make(plan: Plan, store: Buildah) -> None:
    log = _log(plan.image.name)
    with tempfile.TemporaryDirectory(dir=cache_dir() / "images" / "tmp", prefix="build-") as scratch:
        if plan.base and not store.has(plan.base):
            if plan.root:
                dockerfile = RECIPES / "base" / "Dockerfile"
                contexts.stage(Path(scratch) / "base", dockerfile, {"rootfs.tar": plan.root.archive})
                store.build(Path(scratch) / "base", plan.base, log)
            else:
                store.pull(plan.base, log)
        folder = Path(scratch) / "context"
        contexts.stage(folder, plan.image.dockerfile, plan.content)
        volumes = pip_settings.volumes(Path(scratch)) if plan.image.network else ()
        arguments = {**plan.image.arguments, **({"BASE_IMAGE": plan.base} if plan.base else {})}
        store.build(folder, plan.reference, log, arguments=arguments, volumes=volumes)
        target = archive(plan.reference)
        target.parent.mkdir(parents=True, exist_ok=True)
        store.save(plan.reference, target, log)


def _open_store() -> Buildah:
    if os.geteuid() != 0:
        raise CommandError(
            "images: building them needs root (mounts and file ownership)", remedy="run the command again as root"
        )
    disk_space.require(cache_dir(), _SIZE, "building images")
    return Buildah()


def _forget_old(plans: Iterable[Plan]) -> None:
    for plan in plans:
        current = archive(plan.reference)
        others = [path for path in current.parent.glob(f"{plan.image.name}-*.tar") if path != current]
        for path in sorted(others, key=lambda other: other.stat().st_mtime)[: -(_KEPT - 1)]:
            path.unlink()


def _log(name: str) -> Path:
    """An empty log in place of the previous one."""
    log = cache_dir() / "logs" / f"image-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    return log


@contextmanager
def _reported(what: str) -> Iterator[None]:
    """Report start and end on stderr."""
    started = time.monotonic()
    print(f"images: {what}: started", file=sys.stderr, flush=True)
    yield
    print(f"images: {what}: ready after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
