"""Istio's Helm charts and the Gateway API's definitions out of Go modules, without a chart repository."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_embedded.toolchain import golang
from otel_mesh_embedded.toolchain.programs import owner

# Folder in the module by name in upstream's chart repository.
CHARTS = {
    "base": "base",
    "istiod": "istio-control/istio-discovery",
    "cni": "istio-cni",
    "gateway": "gateway",
}
_MANIFESTS = "manifests/charts"
GATEWAY_API = "sigs.k8s.io/gateway-api"
# Definitions of the standard channel: folder beside the charts, and folder in the module.
DEFINITIONS = ("gateway-api", "config/crd/standard")
# The changes that upstream's release builder makes to its sources.
STAMPS = {
    "Chart.yaml": (
        (r"^(version|appVersion): \S+$", r"\1: {number}"),
        (r"^# This version is never actually shipped.*\n(#.*\n)*", ""),
    ),
    "values.yaml": (
        (r"^( *)hub: registry\.istio\.io/testing$", r"\1hub: docker.io/istio"),
        (r"^( *)tag: latest$", r"\1tag: {number}"),
    ),
}

_DEVELOPMENT = re.compile(r"^ *(hub: \S*testing|tag: latest)$", re.MULTILINE)


def folder() -> Path:
    """Folder that `ensure` makes; each version has its own."""
    build = owner("pilot-discovery")
    pins = [(build.folder / name).read_text() for name in ("go.mod", "go.sum")]
    key = files.key_of("\0".join([*pins, json.dumps([CHARTS, STAMPS, DEFINITIONS])]))
    return cache_dir() / "charts" / f"istio-{build.version}-{key}"


def version() -> str:
    """Istio release of the charts, without a v."""
    return owner("pilot-discovery").version.removeprefix("v")


def ensure() -> Path:
    """Put the charts into the cache, as in upstream's release.

    Any number of processes may call this at once; nothing is compiled.

    Returns:
        A folder with one folder per chart (base, istiod, cni, gateway) and one of definitions. It never changes.

    Raises:
        CommandError: a module cannot be fetched, or its sources are not what upstream's release builder expects.
    """
    build, target = owner("pilot-discovery"), folder()
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
        module = golang.module("charts", build.folder, build.module, Path(scratch))
        shutil.rmtree(Path(scratch) / "src")
        gateway_api = golang.module("charts", build.folder, GATEWAY_API, Path(scratch))
        fresh = Path(scratch) / "charts"
        for name, inner in CHARTS.items():
            shutil.copytree(module / _MANIFESTS / inner, fresh / name, copy_function=shutil.copyfile)
        name, inner = DEFINITIONS
        shutil.copytree(gateway_api / inner, fresh / name, copy_function=shutil.copyfile)
        for path in (fresh, *fresh.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        for name in CHARTS:
            _stamp(fresh / name, version())
        files.place(fresh, target)
    return target


def _stamp(chart: Path, number: str) -> None:
    """Put the release's number and images in place of the sources' placeholders."""
    for name, changes in STAMPS.items():
        text = (chart / name).read_text()
        for pattern, replacement in changes:
            text = re.sub(pattern, replacement.format(number=number), text, flags=re.MULTILINE)
        (chart / name).write_text(text)
        if found := _DEVELOPMENT.search(text):
            raise _unexpected(chart, f"{name} names images of development builds ({found[1]})")
    if f"version: {number}\n" not in (chart / "Chart.yaml").read_text():
        raise _unexpected(chart, "Chart.yaml has no line `version:`")


def _unexpected(chart: Path, reason: str) -> CommandError:
    return CommandError(f"{chart.name}: {reason}", remedy=f"adapt STAMPS in {__file__}")
