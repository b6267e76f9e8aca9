"""Charts for a stack that is rendered without a cluster."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core import versions
from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks import pulumi_cli, stack_file

if TYPE_CHECKING:
    from collections.abc import Mapping

_KUBE_VERSION: Final = re.compile(r"^kubeVersion:.*\n", re.MULTILINE)
TOO_OLD: Final = re.compile(r"chart requires kubeVersion: (?P<place>\S+) which is incompatible with (?P<cause>.+)")
"""Message of Helm, which takes Kubernetes 1.20 for granted where there is no cluster."""


def variables(stack: str, changes: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Source of the charts: the shell's, else this machine's if the stack pins their version, else the repository.

    Args:
        stack: Name of the stack.
        changes: Settings that replace those in the stack file.
        folder: Temporary folder of the rendering.
    """
    if given := os.environ.get(pulumi_cli.CHARTS_DIR):
        return _any_kubernetes(Path(given), folder / "charts")
    settings = pulumi_cli.merged(stack_file.settings(stack), changes)
    file = stack_file.require(stack)
    if stack_file.value(file, settings, "mesh", "kind", kind=str, default="none") == "linkerd":
        return {}
    pinned = stack_file.value(file, settings, "mesh", "istio", "version", kind=str, default=versions.ISTIO)
    charts = embedded.charts()
    return {pulumi_cli.CHARTS_DIR: str(charts.ensure())} if charts is not None and pinned == charts.version() else {}


def remedy() -> str:
    """What to do if the repository of a chart does not answer, or its charts need a cluster."""
    advice = f"set {pulumi_cli.CHARTS_DIR} to a folder with the charts and the Gateway API's definitions"
    charts = embedded.charts()
    if charts is None:
        return advice
    try:
        return f"{advice}; {charts.ensure()} has those of Istio {charts.version()}"
    except CommandError:  # out of reach too
        return advice


def _any_kubernetes(given: Path, copy: Path) -> dict[str, str]:
    """The folder, or a copy whose charts do not name versions of Kubernetes if any of them does."""
    charts = [one for one in given.glob("*/Chart.yaml") if _KUBE_VERSION.search(one.read_text(errors="replace"))]
    if not charts:
        return {}
    shutil.copytree(given, copy)
    for one in charts:
        place = copy / one.relative_to(given)
        place.chmod(0o644)
        place.write_text(_KUBE_VERSION.sub("", one.read_text(errors="replace")))
    return {pulumi_cli.CHARTS_DIR: str(copy)}
