"""Golden files: reviewed texts that are compared exactly."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh.k8s.manifests import to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh.k8s.manifests import Manifest

GOLDEN = Path(__file__).parent / "golden"


def compare(path: Path, manifests: Iterable[Manifest]) -> None:
    """Compares objects with a file; ``UPDATE_GOLDEN=1`` writes it anew."""
    rendered = "---\n".join(to_yaml(manifest) for manifest in manifests)
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(rendered)
    assert rendered == path.read_text(), f"differs from {path.name}; review it and run with UPDATE_GOLDEN=1"
