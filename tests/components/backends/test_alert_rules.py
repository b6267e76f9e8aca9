"""The rules: their form, recorded series and firing conditions, and their delivery to Prometheus and in the wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh import InvalidSettingsError, Objectives, PrometheusArgs, PrometheusSettings
from otel_mesh.backends.prometheus.component import prometheus_manifests
from otel_mesh.backends.prometheus.objectives import objective_rules
from otel_mesh.backends.prometheus.rules import rule_files
from otel_mesh.core.errors import parse
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_stack import rules as platform
from otel_mesh_telemetry.http_metrics import DURATION_BOUNDARIES

if TYPE_CHECKING:
    from tests.built import Built

FOLDERS = (Path(__file__).parent / "rules", repo_dir() / "tests" / "infra" / "rules")
CASES = [path for folder in FOLDERS for path in sorted(folder.iterdir())]
"""Rule test files of the library and of the platform."""
EVERY = {**rule_files(), **platform.rule_files()}


@pytest.fixture(scope="module")
def promtool(built: Built) -> Path:
    return built("promtool") / "promtool"


@pytest.fixture
def rules(tmp_path: Path) -> list[Path]:
    """The rule files given to Prometheus."""
    args = PrometheusArgs(namespace="ns", exposed=("shop/api-gateway",), rules=platform.rule_files())
    (config,) = (one for one in prometheus_manifests(args, PrometheusSettings()) if one["kind"] == "ConfigMap")
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
    assert [path.name for path in rules] == [*EVERY, "objectives.rules.yaml"]
    assert "SUCCESS" in run(promtool, "check", "rules", "--lint-fatal", *rules)


def test_rules_record_and_fire_as_expected(promtool: Path, rules: list[Path], tmp_path: Path) -> None:
    assert {path.name for path in CASES} == {name.replace(".rules.", ".test.") for name in EVERY}
    for cases in CASES:
        test = tmp_path / cases.name
        test.write_text(cases.read_text().replace("RULES", ", ".join(str(path) for path in rules)))
        assert "SUCCESS" in run(promtool, "test", "rules", "--ignore-unknown-fields", test)


def test_every_alert_has_a_case_and_names_the_next_command(rules: list[Path]) -> None:
    cases = "".join(path.read_text() for path in CASES)
    for rule in of("alert", rules):
        name = rule["alert"]
        assert f'alertname="{name}"' in cases
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert {"summary", "runbook"} <= set(rule["annotations"]) <= {"summary", "description", "runbook"}
        assert all("\n" not in text.strip() for text in rule["annotations"].values())


def test_every_recording_rule_has_a_case(rules: list[Path]) -> None:
    """S2.10, S2.12, and issue 5: the recorded series are the same for every kind of proxy."""
    groups = [group for path in CASES for group in yaml.safe_load(path.read_text())["tests"]]
    cases = [case for group in groups for case in group["promql_expr_test"] if case["exp_samples"]]
    for rule in of("record", rules):
        assert any(rule["record"] in case["expr"] for case in cases), rule["record"]


def test_objectives_use_existing_histogram_bucket_boundaries() -> None:
    """S2.10: an objective may use the histogram bucket boundaries of the services."""
    for seconds in DURATION_BOUNDARIES:
        assert Objectives(latency_seconds=seconds).latency_seconds == seconds
    with pytest.raises(InvalidSettingsError, match="latency_seconds: is no bucket that requests are counted in"):
        parse(Objectives, {"latency_seconds": 0.3})
    assert f'le="{0.5:g}"' in (FOLDERS[0] / "slo.test.yaml").read_text()


def test_without_exposed_services_there_are_no_objectives() -> None:
    assert objective_rules(Objectives(), ()) == {}


def test_an_additional_rule_file_prometheus_would_miss_or_load_twice_is_refused() -> None:
    args = PrometheusArgs(
        namespace="ns",
        rules=dict.fromkeys(("own.yaml", "a/b.rules.yaml", "slo.rules.yaml", "objectives.rules.yaml"), ""),
    )
    with pytest.raises(InvalidSettingsError) as raised:
        prometheus_manifests(args, PrometheusSettings())
    assert [str(problem) for problem in raised.value.problems] == [
        "rules.own.yaml: is no rule file's name; write one such as orders.rules.yaml",
        "rules.a/b.rules.yaml: is no rule file's name; write one such as orders.rules.yaml",
        "rules.slo.rules.yaml: is the name of one of the library's own; choose another",
        "rules.objectives.rules.yaml: is the name of one of the library's own; choose another",
    ]


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
    folder = "otel_mesh/backends/prometheus/rules"
    assert {f"{folder}/{name}" for name in rule_files()} <= set(zipfile.ZipFile(wheel).namelist())
