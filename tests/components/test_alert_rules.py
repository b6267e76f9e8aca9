"""The rules: their form, what they record, what makes them fire, and that they reach Prometheus and the wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from local import toolchain
from local.paths import repo_dir
from otel_mesh import PrometheusSettings
from otel_mesh.prometheus import prometheus_manifests
from otel_mesh.rules import rule_files

CASES = Path(__file__).parent / "rules"


@pytest.fixture(scope="module")
def promtool() -> Path:
    return toolchain.ensure(("promtool",)) / "promtool"


@pytest.fixture
def rules(tmp_path: Path) -> list[Path]:
    """The files as Prometheus gets them."""
    (config,) = (one for one in prometheus_manifests(PrometheusSettings(), "ns", {}) if one["kind"] == "ConfigMap")
    found = [name for name in config["data"] if name.endswith(".rules.yaml")]
    for name in found:
        (tmp_path / name).write_text(config["data"][name])
    return [tmp_path / name for name in found]


def run(*command: Path | str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def of(kind: str, rules: list[Path]) -> list[dict[str, Any]]:
    """All rules with the key ``alert`` or ``record``."""
    groups = (group for path in rules for group in yaml.safe_load(path.read_text())["groups"])
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def test_prometheus_gets_the_rules_and_accepts_them(promtool: Path, rules: list[Path]) -> None:
    assert [path.name for path in rules] == list(rule_files()) == ["mesh.rules.yaml", "telemetry_loss.rules.yaml"]
    assert "SUCCESS" in run(promtool, "check", "rules", "--lint-fatal", *rules)


def test_rules_record_and_fire_when_they_should_only(promtool: Path, rules: list[Path], tmp_path: Path) -> None:
    for path in rules:
        cases = (CASES / path.name.replace(".rules.", ".test.")).read_text()
        test = tmp_path / f"test-{path.name}"
        test.write_text(cases.replace("RULES", str(path)))
        assert "SUCCESS" in run(promtool, "test", "rules", "--ignore-unknown-fields", test)


def test_every_alert_has_a_case_and_says_what_to_do(rules: list[Path]) -> None:
    cases = "".join(path.read_text() for path in CASES.iterdir())
    for rule in of("alert", rules):
        name = rule["alert"]
        assert f'alertname="{name}"' in cases
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "runbook"}
        assert "\n" not in rule["annotations"]["runbook"].strip()


def test_every_recording_has_a_case(rules: list[Path]) -> None:
    """Issue 5: whichever proxy counts, the recorded series are the same."""
    cases = "".join(path.read_text() for path in CASES.iterdir())
    for rule in of("record", rules):
        assert f"expr: {rule['record']}" in cases
        assert f"{rule['record']}{{" in cases


def test_the_wheel_holds_the_rules(tmp_path: Path) -> None:
    source = repo_dir() / "components"
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert {f"otel_mesh/rules/{name}" for name in rule_files()} <= set(zipfile.ZipFile(wheel).namelist())
