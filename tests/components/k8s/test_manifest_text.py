"""Objects as text: Kubernetes, which is written in Go, reads what was meant."""

from __future__ import annotations

import pytest
import yaml

from otel_mesh.k8s.manifests import to_yaml


@pytest.mark.parametrize("text", ["1234567890123e45", "0123456789012389", "1e5", "+1", "12"])
def test_text_that_looks_like_a_number_is_quoted(text: str) -> None:
    """Regression: one checksum in six thousand is a number to Go, though not to PyYAML, and was refused as text."""
    assert to_yaml({"checksum": text}) == f"checksum: '{text}'\n"


@pytest.mark.parametrize("value", [7, 1.5, 1e22, "0.1.0", "1e5x", "5e1f", "10.0.0.1", "-", True, None])
def test_everything_else_is_read_as_it_was_written(value: object) -> None:
    assert yaml.safe_load(to_yaml({"value": value})) == {"value": value}
