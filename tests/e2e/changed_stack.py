"""`otel-mesh ...` on stack local with some settings changed: `python -m tests.e2e.changed_stack CHANGES WORD...`.

CHANGES is a JSON object that replaces values of Pulumi.local.yaml. An image needed by the changed stack only is built,
imported and added to a copy of the images file.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.main import main as run_command
from otel_mesh_embedded import images
from otel_mesh_embedded.environment import workspace
from otel_mesh_embedded.node.node import assemble
from otel_mesh_stack.images import IMAGES_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping


def images_of(changes: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """The variable with the images file, if the changes need an image that `make up` does not build."""
    if changes.get("load_generator") is None:
        return {}
    made = images.make([images.LOAD_GENERATOR])
    images.import_all(assemble(built=False).ctr, made.values())
    file = folder / "images.json"
    file.write_text(json.dumps({**json.loads(workspace.images_file().read_text()), **made}))
    return {IMAGES_FILE: str(file)}


def main(words: list[str]) -> int:
    """Run a command with the changes in the first argument, and return its exit status."""
    changes = json.loads(words[0])
    here = workspace.local()
    with tempfile.TemporaryDirectory(prefix="otel-mesh-images-") as folder:
        variables = {**here.variables, **images_of(changes, Path(folder))}
        changed = dataclasses.replace(here, changes={"local": changes}, variables=variables)
        workspace.local = lambda: changed
        return run_command(words[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
