"""Sides of a comparison that are no commit: the state of the last update, and a live cluster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest import mock

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.drift import cluster, deployed
from otel_mesh_cli.drift.ownership import EVERYTHING
from otel_mesh_cli.drift.projection import reduced, seen
from otel_mesh_cli.review import sides
from otel_mesh_cli.review.model import Version
from otel_mesh_cli.review.objects import key
from otel_mesh_cli.review.report import Side
from otel_mesh_cli.stacks import stack_file
from otel_mesh_cli.stacks.rendering import IMAGES_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh_cli.review.objects import Manifest

STATE: Final = "STATE"
CLUSTER: Final = "CLUSTER"
NAMES: Final = (STATE, CLUSTER)
"""Values of ``--against`` that are no commit."""
_FILES: Final = (IMAGES_FILE, "OTEL_MESH_NODE_FILE")
"""Variables of files that an update takes objects from, none of them with a secret."""
_SECRETS: Final = "Contents of Secrets."
_DEFAULTS: Final = "Fields that nobody set: the API server's defaults, and what controllers maintain."
_CHARTS: Final = "Charts: the checkout has their versions and values, the other side the objects that they made."
_IMAGES: Final = "Images of our services: a build decides their references."
_OTHERS: Final = "Objects that are no longer declared, except policies in the stack's namespaces."


def drift(stack: str, context: str | None) -> tuple[Side, Side]:
    """The state of the last update, and the cluster.

    Args:
        stack: Name of the stack.
        context: Context of the kubeconfig; None for the one in the stack's file.

    Raises:
        CommandError: The state or the cluster cannot be read.
    """
    objects = deployed.objects(deployed.state(stack, context), rendered=True)
    before = Side("the last update", _version(stack, map(reduced, objects)), {})
    return before, _cluster(stack, context, objects, (_SECRETS, _DEFAULTS))


def both(reference: str, stack: str, context: str | None) -> tuple[Side, Side]:
    """The state or the cluster, and the checkout.

    Args:
        reference: One of `NAMES`.
        stack: Name of the stack.
        context: Context of the kubeconfig; None for the one in the stack's file.

    Raises:
        CommandError: The state or the cluster cannot be read, or the program rejects its settings.
    """
    stack_file.require(stack)
    variables = deployed.workspace(stack, context).variables
    known = {name: variables[name] for name in _FILES if Path(variables.get(name, "")).is_file()}
    read = sides.read(repo_dir(), stack, "the checkout", f"stack {stack}", known)
    objects = [one for one in read.version.manifests if one["kind"] != "Chart"]
    after = Side(read.name, _version(stack, map(reduced, objects)), read.sources)
    unchecked = (_SECRETS, _CHARTS, *(() if IMAGES_FILE in known else (_IMAGES,)))
    if reference == CLUSTER:
        return _cluster(stack, context, objects, (*unchecked, _DEFAULTS, _OTHERS)), after
    beside = {key(one): one for one in objects}
    found = [
        seen(reduced(beside.get(key(one), one)), reduced(one), EVERYTHING)
        for one in deployed.objects(deployed.state(stack, context), rendered=False)
    ]
    return Side("the last update", _version(stack, found), {}, unchecked), after


def _cluster(stack: str, context: str | None, objects: Iterable[Manifest], unchecked: tuple[str, ...]) -> Side:
    variables = deployed.workspace(stack, context).variables if stack == stack_file.LOCAL else {}
    # stack `local` has a kubeconfig of its own
    kubeconfig = {name: value for name, value in variables.items() if name == "KUBECONFIG"}
    settings = stack_file.settings(stack)
    chosen = context or stack_file.value(
        stack_file.require(stack), settings, "cluster", "context", kind=str, default=None
    )
    with mock.patch.dict(os.environ, kubeconfig):
        found, denied = cluster.live(objects, chosen)
    more = [f"{kind}s that are not declared: the cluster does not let this user list them." for kind in denied]
    return Side(f"cluster {chosen}", _version(stack, found), {}, (*unchecked, *more))


def _version(stack: str, objects: Iterable[Manifest]) -> Version:
    return Version(tuple(objects), str(stack_file.settings(stack).get("environment", "")))
