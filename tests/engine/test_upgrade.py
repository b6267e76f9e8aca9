"""`otel-mesh review --upgrade` on the real engine and provider, with Istio's charts and an edited copy of them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.main import main
from otel_mesh_embedded.toolchain import charts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.built import Built

pytestmark = pytest.mark.engine

NEW = "1.99.0"


@pytest.fixture
def newer(tmp_path: Path, built: Built) -> Path:
    """Charts of another version: a default changed, a value gone, a definition's version no longer served."""
    folder = tmp_path / "charts"
    shutil.copytree(built.charts(), folder)
    for chart in charts.CHARTS:
        for name in ("Chart.yaml", "values.yaml"):
            edit(folder / chart / name, charts.version(), NEW)
    edit(folder / "istiod/values.yaml", "  traceSampling: 1.0\n", "  traceSampling: 2.0\n")
    edit(folder / "istiod/values.yaml", "  rollingMaxSurge: 100%\n", "")
    edit(folder / "base/files/crd-all.gen.yaml", "name: v1alpha3\n    schema", "name: v1alpha9\n    schema")
    return folder


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text or file.name == "values.yaml", file
    file.write_text(text.replace(old, new))


@pytest.mark.usefixtures("built")
def test_an_upgrade_is_rehearsed_without_a_cluster(newer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["review", "--stack", "local", "--upgrade", f"istio={NEW}", "--charts", str(newer)]
    assert main([*words, "--output", "json", "--fail-on", "any"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["before"], found["after"]) == (f"Istio {charts.version()}", f"Istio {NEW}")
    changed = {(one["chart"], one["value"]): (one["before"], one["after"]) for one in found["upgrade"]["defaults"]}
    assert changed["istiod", "traceSampling"] == (1.0, 2.0)
    assert changed["istiod", "rollingMaxSurge"] == ("100%", None)
    assert found["upgrade"]["removed"] == ["istiod: rollingMaxSurge"]
    assert any("v1alpha9" in one for one in found["upgrade"]["definitions"])
    assert "istio-system/istiod discovery" in {one["subject"] for one in found["risks"]}
    assert "shop/redis" in found["upgrade"]["old_proxies"]
