"""The objects of every component, compared with golden files.

After a deliberate change run ``UPDATE_GOLDEN=1 pytest tests/components`` and review the difference.
"""

from __future__ import annotations

import pytest
import yaml

from tests.components.golden_files import GOLDEN, compare
from tests.components.scenarios import SCENARIOS


@pytest.mark.parametrize("name", SCENARIOS)
def test_manifests_are_as_reviewed(name: str) -> None:
    compare(GOLDEN / f"{name}.yaml", SCENARIOS[name]())


def test_every_golden_file_has_its_scenario() -> None:
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(SCENARIOS)


def test_golden_files_hold_no_password() -> None:
    secrets = [
        document
        for path in GOLDEN.glob("*.yaml")
        for document in yaml.safe_load_all(path.read_text())
        if document["kind"] == "Secret"
    ]
    assert len(secrets) == 6
    assert all(secret["stringData"] == {"password": "from-a-secret-output"} for secret in secrets)
