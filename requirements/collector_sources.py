"""``python -m requirements.collector_sources``: generates the Collector's sources from its builder manifest.

Run it after editing `MANIFEST`, and commit what it changes.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import yaml

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import run
from otel_mesh_embedded.toolchain import golang
from otel_mesh_embedded.toolchain.ensuring import path
from otel_mesh_embedded.toolchain.programs import MODULES
from requirements.go_modules import NO_CHECKSUM

FOLDER = MODULES / "otelcol"
MANIFEST = FOLDER / "builder.yaml"
GENERATED = ("components.go", "main.go", "main_others.go", "go.mod", "go.sum")


def generate() -> None:
    """Run the Collector's builder on the manifest and take over what it wrote.

    Raises:
        CommandError: a module does not resolve.
    """
    builder = path("ocb")
    go = golang.find()
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "out"
        manifest = yaml.safe_load(MANIFEST.read_text())
        manifest["dist"] |= {"output_path": str(output), "go": str(go.command)}
        (Path(scratch) / "builder.yaml").write_text(yaml.safe_dump(manifest))
        run(
            [builder, "--config", Path(scratch) / "builder.yaml", "--skip-compilation", "--skip-strict-versioning"],
            env={**os.environ, "GOFLAGS": "-mod=mod", "GONOSUMDB": ",".join(NO_CHECKSUM), "GOTOOLCHAIN": "local"},
        ).require(str(MANIFEST), remedy="name versions that the module proxy serves")
        for name in GENERATED:
            shutil.copyfile(output / name, FOLDER / name)


if __name__ == "__main__":
    try:
        generate()
    except CommandError as error:
        print(f"otel-mesh: {error}", file=sys.stderr)
        sys.exit(2)
