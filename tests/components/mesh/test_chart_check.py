"""Warnings about charts in a folder if they differ from the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from otel_mesh import IstioSettings
from otel_mesh.mesh.installing.chart_check import chart_warnings
from otel_mesh.mesh.installing.gateway_api import definition_files

CHARTS = dict.fromkeys(("base", "cni", "istiod"), "1.2.3")
DEFINITIONS = IstioSettings().gateway_api


def _charts(folder: Path, versions: dict[str, str], values: dict[str, Any] | None = None) -> None:
    for name, text in versions.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "Chart.yaml").write_text(text)
        if values is not None:
            (folder / name / "values.yaml").write_text(yaml.safe_dump(values))


PINNED = dict.fromkeys(("base", "cni", "istiod"), "version: 1.2.3")


def test_charts_of_another_version_are_named(tmp_path: Path) -> None:
    _charts(tmp_path, {"base": "version: 1.2.3", "cni": "version: 9.9.9", "istiod": "- no chart"})
    assert chart_warnings(str(tmp_path), CHARTS, DEFINITIONS, {}) == (
        f"chart cni: {tmp_path} has version 9.9.9, the settings pin 1.2.3",
        f"chart istiod: {tmp_path} has version (not readable), the settings pin 1.2.3",
    )
    assert chart_warnings(None, CHARTS, DEFINITIONS, {}) == ()


@pytest.mark.parametrize("definitions", ["install", "existing"])
def test_gateway_api_definitions_of_another_version_are_named(tmp_path: Path, definitions: str) -> None:
    _charts(tmp_path, PINNED)
    (tmp_path / "gateway-api").mkdir()
    *most, missing = definition_files(DEFINITIONS, str(tmp_path))
    for file in most:
        Path(file).write_text("metadata:\n  annotations:\n    gateway.networking.k8s.io/bundle-version: v1.5.1\n")
    gateway_api = {"version": "1.6.0", "definitions": definitions}
    settings = IstioSettings.model_validate({"gateway_api": gateway_api}).gateway_api
    has = f"(no {Path(missing).name}), 1.5.1"
    expected = f"definitions of the Gateway API: {tmp_path} has version {has}, the settings pin 1.6.0"
    assert chart_warnings(str(tmp_path), CHARTS, settings, {}) == ((expected,) if definitions == "install" else ())


def test_values_unknown_to_a_chart_are_named(tmp_path: Path) -> None:
    _charts(tmp_path, PINNED, {"known": 0, "global": {"old": True}})
    values: dict[str, dict[str, Any]] = {
        "base": {"known": 1},
        "cni": {},
        "istiod": {"known": 1, "global": {"new": True}},
    }
    assert chart_warnings(str(tmp_path), CHARTS, DEFINITIONS, values) == (
        f"chart istiod: the chart in {tmp_path} has no value global.new; the setting behind it has no effect",
    )
