"""The custom resource definitions of Envoy Gateway, out of its Go module."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from otel_mesh_cli.core import files
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_embedded.toolchain import golang

RELEASE: Final = "v1.9.1"
MODULE: Final = f"github.com/envoyproxy/gateway@{RELEASE}"
_DEFINITIONS: Final = "charts/gateway-helm/charts/crds/crds/generated"


def folder() -> Path:
    """Folder that `ensure` makes."""
    return cache_dir() / "charts" / f"envoy-gateway-{RELEASE}"


def ensure() -> Path:
    """Put the definitions into the cache."""
    target = folder()
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
        source = golang.module("definitions", Path(__file__).parent, MODULE, Path(scratch)) / _DEFINITIONS
        fresh = Path(scratch) / "definitions"
        shutil.copytree(source, fresh, copy_function=shutil.copyfile)
        for path in (fresh, *fresh.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)
        files.place(fresh, target)
    return target
