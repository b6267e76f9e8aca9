"""The newest of Linkerd's charts that a Go module holds: 2.14.10, the last stable release.

Newer charts are in upstream's repository only, which tests do not reach. So the tests render these, and leave out what
2.14.10 lacks, each kind with its reason: `LACKING`.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from otel_mesh_cli.core import files
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_embedded.toolchain import charts, golang

MODULE: Final = "github.com/linkerd/linkerd2@v0.5.1-0.20240220173600-1ea6b271718f"
RELEASE: Final = "2.14.10"
LACKING: Final = {
    "EgressNetwork": "new in 2.17; chart 2.14.10 has no definition",
    "HTTPLocalRateLimitPolicy": "new in 2.17; chart 2.14.10 has no definition",
    "Server": "v1beta3 with accessPolicy is new in 2.16; chart 2.14.10 serves v1beta1",
}
"""Kinds that no definition in reach can judge, with the reason."""
_CHARTS: Final = ("linkerd-crds", "linkerd2-cni", "linkerd-control-plane")


def folder() -> Path:
    """Folder that `ensure` makes; each set of definitions of the Gateway API has its own."""
    return cache_dir() / "charts" / f"linkerd-{RELEASE}-{charts.folder().name}"


def ensure() -> Path:
    """Put the charts into the cache, with the Gateway API's definitions beside them."""
    target = folder()
    if target.is_dir():
        return target
    definitions = charts.ensure() / charts.DEFINITIONS[0]
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
        source = golang.module("charts", Path(__file__).parent, MODULE, Path(scratch)) / "charts"
        fresh = Path(scratch) / "charts"
        for name in _CHARTS:
            shutil.copytree(source / name, fresh / name, copy_function=shutil.copyfile)
            shutil.copytree(source / "partials", fresh / name / "charts" / "partials", copy_function=shutil.copyfile)
        shutil.copytree(definitions, fresh / definitions.name, copy_function=shutil.copyfile)
        for path in (fresh, *fresh.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        # this release installs the Gateway API's HTTPRoute of its own time, later ones do not
        values = fresh / "linkerd-crds" / "values.yaml"
        values.write_text(values.read_text().replace("enableHttpRoutes: true", "enableHttpRoutes: false"))
        files.place(fresh, target)
    return target
