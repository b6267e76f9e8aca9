"""``python -m otel_mesh_embedded.toolchain.collector``: the collector's sources from modules/otelcol/builder.yaml.

Run it after editing the manifest, and commit what it changes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.toolchain import golang
from otel_mesh_embedded.toolchain.ensuring import path
from otel_mesh_embedded.toolchain.programs import MODULES

FOLDER = MODULES / "otelcol"
MANIFEST = FOLDER / "builder.yaml"
GENERATED = ("components.go", "main.go", "main_others.go", "go.mod", "go.sum")
# Not in the public checksum database; from then on go.sum pins it.
_NO_CHECKSUM = "github.com/open-telemetry/opentelemetry-collector-contrib/connector/servicegraphconnector"


def generate() -> None:
    """Run the official builder on the manifest and take over what it wrote.

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
        done = subprocess.run(
            [builder, "--config", Path(scratch) / "builder.yaml", "--skip-compilation", "--skip-strict-versioning"],
            env={**os.environ, "GOFLAGS": "-mod=mod", "GONOSUMDB": _NO_CHECKSUM, "GOTOOLCHAIN": "local"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            reason = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "ocb failed")
            raise CommandError(f"{MANIFEST}: {reason}", remedy="name versions that the module proxy serves")
        for name in GENERATED:
            shutil.copyfile(output / name, FOLDER / name)


if __name__ == "__main__":
    try:
        generate()
    except CommandError as error:
        print(f"otel-mesh: {error}", file=sys.stderr)
        sys.exit(2)
