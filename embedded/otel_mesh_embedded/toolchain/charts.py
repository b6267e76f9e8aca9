"""Istio's Helm charts and the Gateway API's definitions, written out of the modules that the programs are built from.

No chart repository and no release page is needed.
"""

from __future__ import annotations

import hashlib
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

# Name in upstream's chart repository -> folder in the module.
CHARTS = {
    "base": "base",
    "istiod": "istio-control/istio-discovery",
    "cni": "istio-cni",
    "gateway": "gateway",
}
_MANIFESTS = "manifests/charts"
GATEWAY_API = "sigs.k8s.io/gateway-api"
# Folder of the standard channel's definitions beside the charts -> folder in the module.
DEFINITIONS = ("gateway-api", "config/crd/standard")
_KEY_LENGTH = 12
# What upstream's release builder does to its sources, and no more.
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
    """Where `ensure` puts the charts: a folder per version of them."""
    build = owner("pilot-discovery")
    pins = [(build.folder / name).read_bytes() for name in ("go.mod", "go.sum")]
    recipe = json.dumps([CHARTS, STAMPS, DEFINITIONS]).encode()
    digest = hashlib.sha256(b"\0".join([*pins, recipe])).hexdigest()[:_KEY_LENGTH]
    return cache_dir() / "charts" / f"istio-{build.version}-{digest}"


def version() -> str:
    """Of the release that they are."""
    return owner("pilot-discovery").version.removeprefix("v")


def ensure() -> Path:
    """Have the charts in the cache, as upstream's release has them.

    Any number of processes may call this at once; nothing is compiled.

    Returns:
        A folder that holds one per chart (base, istiod, cni, gateway) and one of definitions. It is never changed.

    Raises:
        CommandError: a module cannot be fetched, or its content looks different from what the release builder expects.
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
    """Write the release's number and images where the sources hold places for them."""
    for name, changes in STAMPS.items():
        text = (chart / name).read_text()
        for pattern, replacement in changes:
            text = re.sub(pattern, replacement.format(number=number), text, flags=re.MULTILINE)
        (chart / name).write_text(text)
        if found := _DEVELOPMENT.search(text):
            reason = f"{name} names images of development builds ({found[1]})"
            raise CommandError(
                f"{chart.name}: {reason}", remedy="adapt embedded/otel_mesh_embedded/toolchain/charts.py"
            )
    if f"version: {number}\n" not in (chart / "Chart.yaml").read_text():
        raise CommandError(
            f"{chart.name}: Chart.yaml has no line `version:`",
            remedy="adapt embedded/otel_mesh_embedded/toolchain/charts.py",
        )
