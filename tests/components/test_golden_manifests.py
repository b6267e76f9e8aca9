"""Every component's objects, to the letter.

After a deliberate change run ``UPDATE_GOLDEN=1 pytest tests/components`` and review the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from otel_mesh.manifests import to_yaml
from tests.components.scenarios import SCENARIOS

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", SCENARIOS)
def test_manifests_are_as_reviewed(name: str) -> None:
    rendered = "---\n".join(to_yaml(manifest) for manifest in SCENARIOS[name]())
    path = GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(rendered)
    assert rendered == path.read_text(), f"differs from {path.name}; review it and run with UPDATE_GOLDEN=1"


def test_every_golden_file_has_its_scenario() -> None:
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(SCENARIOS)


def test_golden_files_hold_no_password() -> None:
    secrets = [
        document
        for path in GOLDEN.glob("*.yaml")
        for document in yaml.safe_load_all(path.read_text())
        if document["kind"] == "Secret"
    ]
    assert [secret["stringData"] for secret in secrets] == [{"password": "from-a-secret-output"}]
