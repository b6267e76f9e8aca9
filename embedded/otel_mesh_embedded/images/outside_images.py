"""Images that only their registry has: those of a mesh that this machine cannot build."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import run
from otel_mesh_cli.stacks import local_stack, pulumi_cli
from otel_mesh_embedded.images.importing import digests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from otel_mesh import LinkerdSettings

_REGISTRY: Final = "cr.l5d.io/linkerd"
"""Upstream's registry of Linkerd."""


def require_outside(ctr: Sequence[str], say: Callable[[str], None]) -> None:
    """Have the node pull the images of stack ``local`` that it lacks, before anything is deployed.

    Args:
        ctr: ctr with its options for address and namespace.
        say: Called with each image that is pulled.

    Raises:
        CommandError: A registry does not give an image.
    """
    present = digests(ctr)
    missing: dict[str, str] = {}
    for reference in _of_stack():
        if reference in present:
            continue
        say(f"pulling {reference}")
        done = run([*ctr, "images", "pull", reference])
        if not done.ok:
            missing[reference] = done.reason
    if missing:
        raise CommandError(
            f"images {', '.join(missing)}: not on the node and not pulled ({next(iter(missing.values()))})",
            remedy="save them as archives where their registry is reached, then `otel-mesh node images load FOLDER`",
        )


def _of_stack() -> tuple[str, ...]:
    mesh = local_stack.settings().mesh
    return tuple(dict.fromkeys(_linkerd(mesh.linkerd))) if mesh.kind == "linkerd" else ()


def _linkerd(settings: LinkerdSettings) -> Iterator[str]:
    yield settings.control_plane.image or f"{_REGISTRY}/controller:{settings.version}"
    yield settings.proxy.image or f"{_REGISTRY}/proxy:{settings.version}"
    if settings.cni.image is not None:
        yield settings.cni.image
    elif folder := os.environ.get(pulumi_cli.CHARTS_DIR):  # the chart alone knows the plugin's version
        values: dict[str, Any] = yaml.safe_load((Path(folder) / "linkerd2-cni" / "values.yaml").read_text())
        yield f"{values['image']['name']}:{values['image']['version']}"
