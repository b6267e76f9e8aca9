"""Which images are missing, and making them."""

from __future__ import annotations

import json
import os
import shutil
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
from otel_mesh_embedded import toolchain
from otel_mesh_embedded.images import pip_settings, roots
from otel_mesh_embedded.images.buildah import Buildah
from otel_mesh_embedded.images.recipes import IMAGES, LOAD_GENERATOR, PAGE, RECIPES, REGISTRY, ROOTS, SERVICES
from otel_mesh_embedded.places import images_file
from otel_mesh_embedded.toolchain.prometheus_page import prometheus_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_mesh_embedded.images.recipes import Image

_ROOTS = {root.name: root for root in ROOTS}
_STORES = {"postgres": "postgresql", "redis": "redis-server"}  # image -> package
_KEPT = 3  # archives per image: switching between two branches builds nothing
_GIB = 1 << 30
_ROOM_GIB = 4


def archive(reference: str) -> Path:
    """The docker-archive of an image."""
    name, tag = reference.removeprefix(f"{REGISTRY}/").split(":")
    return cache_dir() / "images" / "archives" / f"{name}-{tag}.tar"


@dataclass(frozen=True)
class Plan:
    """An image as it would be built now; one with a base but without a root has its base from a registry."""

    image: Image
    content: Mapping[str, Path]
    reference: str
    base: str | None
    root: roots.Base | None


def ensure(
    names: Iterable[str] | None = None, *, refresh: bool = False, service_base: str | None = None
) -> dict[str, str]:
    """Make the images that are missing and write all references to `images_file`.

    An image's tag is a hash of all that goes into it: as long as nothing changes, nothing is built.

    Args:
        names: images; by default all that the local stack runs, and only then the file is written.
        refresh: make the base file systems again from the newest packages.
        service_base: image of a registry, named by its digest, that the services are built on; by default they have
            one made of the machine's packages like all others.

    Returns:
        name -> reference; each one's archive is in the cache.

    Raises:
        CommandError: a part cannot be made, or something is missing and this process is not root.
    """
    chosen = _of_stack() if names is None else set(names)
    wanted = [image for image in IMAGES if image.name in chosen]
    programs = sorted({program for image in wanted for program in image.programs})
    choices = {choice.name: choice for choice in toolchain.choices(programs)}
    given = {name: choice.file for name, choice in choices.items()}
    if any(image.page for image in wanted):
        given[PAGE] = prometheus_page(built_in=choices["prometheus"].origin != "modules", refresh=refresh)
    own_base = {image.name: image.root for image in wanted if not (service_base and image in SERVICES)}
    needed = [_ROOTS[name] for name in dict.fromkeys(own_base.values()) if name]
    with files.locked(cache_dir() / "images" / ".lock"):
        bases = {root.name: None if refresh else roots.known(root) for root in needed}
        store: Buildah | None = None
        for root in needed:
            if bases[root.name] is None:
                store = store or _open_store()
                with _told(f"base {root.name}"):
                    bases[root.name] = roots.make(root, store, _log(f"base-{root.name}"))
        plans = [
            _plan(
                image,
                given,
                bases.get(own_base.get(image.name) or ""),
                None if image.name in own_base else service_base,
            )
            for image in wanted
        ]
        for plan in plans:
            if not archive(plan.reference).exists():
                store = store or _open_store()
                with _told(plan.image.name):
                    _make(plan, store)
        if store and names is None:
            store.clean({name for plan in plans for name in (plan.reference, plan.base) if name}, _log("images"))
            _forget_old(plans)
    references = {plan.image.name: plan.reference for plan in plans}
    if names is None:
        _write(references)
    return references


def _of_stack() -> set[str]:
    """Names of the images that the local stack may run: what its file does without is not made."""
    programs = set(toolchain.GROUPS["istio"])
    spared: set[str] = set()
    if not stack_mesh().installed:
        spared |= {image.name for image in IMAGES if programs.intersection(image.programs)}
    if stack_file.settings(stack_file.LOCAL).get("load_generator") is None:
        spared.add(LOAD_GENERATOR)
    return {image.name for image in IMAGES} - spared


def without_programs() -> list[str]:
    """Images of the local stack that none of the toolchain's programs goes into, if one of them was never made."""
    names = [image.name for image in IMAGES if image.name in _of_stack() and not image.programs]
    folder = cache_dir() / "images" / "archives"
    return [] if os.geteuid() != 0 or all(any(folder.glob(f"{name}-*.tar")) for name in names) else names


def store_versions() -> dict[str, str]:
    """The major versions of the stores in our images, by the images' names; only of those that were made before."""
    found = {name: roots.major_version(_ROOTS[name], package) for name, package in _STORES.items()}
    return {name: version for name, version in found.items() if version is not None}


def _plan(image: Image, files: Mapping[str, Path], root: roots.Base | None, base: str | None) -> Plan:
    given = {name: files[name] for name in (*image.programs, *([PAGE] if image.page else []))}
    content = contexts.files(image.dockerfile, image.context, given, image.arguments)
    # A program's folder is named after a hash of all it was made from.
    known = {name: files[name].parent.name for name in image.programs}
    if root:
        base = f"{REGISTRY}/base-{image.root}:{root.identity}"
    identity = root.identity if root else (base or "").partition("@")[2]  # the same content, wherever it came from
    tag = contexts.tag(image.dockerfile, content, known, identity, image.arguments)
    return Plan(image, content, f"{REGISTRY}/{image.name}:{tag}", base, root)


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
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free / _GIB
    if free < _ROOM_GIB:
        raise CommandError(
            f"{cache}: {free:.1f} GiB free, building images takes up to {_ROOM_GIB}",
            remedy="free space, or name another place with OTEL_MESH_CACHE",
        )
    return Buildah()


def _forget_old(plans: Iterable[Plan]) -> None:
    for plan in plans:
        current = archive(plan.reference)
        others = [path for path in current.parent.glob(f"{plan.image.name}-*.tar") if path != current]
        for path in sorted(others, key=lambda other: other.stat().st_mtime)[: -(_KEPT - 1)]:
            path.unlink()


def _write(references: Mapping[str, str]) -> None:
    target = images_file()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.write(target, json.dumps(references, indent=2, sort_keys=True) + "\n", mode=0o644)


def _log(name: str) -> Path:
    """A new log; the one before it is gone."""
    log = cache_dir() / "logs" / f"image-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    return log


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Say on stderr what is being made and how long it took."""
    started = time.monotonic()
    print(f"images: {what}: started", file=sys.stderr, flush=True)
    yield
    print(f"images: {what}: ready after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
