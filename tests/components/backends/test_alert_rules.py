"""The rules: their form, what they record, what makes them fire, and that they reach Prometheus and the wheel."""

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
from tests.programs.command import output_of

if TYPE_CHECKING:
    from tests.built import Built

FOLDERS = (Path(__file__).parent / "rules", repo_dir() / "tests" / "infra" / "rules")
CASES = [path for folder in FOLDERS for path in sorted(folder.iterdir())]
"""Of the library's rules and of the platform's own."""
EVERY = {**rule_files(), **platform.rule_files()}


@pytest.fixture(scope="module")
def promtool(built: Built) -> Path:
    return built("promtool") / "promtool"


@pytest.fixture
def rules(tmp_path: Path) -> list[Path]:
    """The files as Prometheus gets them."""
    args = PrometheusArgs(namespace="ns", exposed=("shop/api-gateway",), rules=platform.rule_files())
    (config,) = (one for one in prometheus_manifests(args, PrometheusSettings()) if one["kind"] == "ConfigMap")
    found = [name for name in config["data"] if name.endswith(".rules.yaml")]
    for name in found:
        (tmp_path / name).write_text(config["data"][name])
    return [tmp_path / name for name in found]


def of(kind: str, rules: list[Path]) -> list[dict[str, Any]]:
    """All rules with the key ``alert`` or ``record``."""
    groups = (group for path in rules for group in yaml.safe_load(path.read_text())["groups"])
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def test_prometheus_accepts_the_rules(promtool: Path, rules: list[Path]) -> None:
    assert [path.name for path in rules] == [*EVERY, "objectives.rules.yaml"]
    assert "SUCCESS" in output_of(promtool, "check", "rules", "--lint-fatal", *rules)


def test_rules_record_and_fire_as_expected(promtool: Path, rules: list[Path], tmp_path: Path) -> None:
    assert {path.name for path in CASES} == {name.replace(".rules.", ".test.") for name in EVERY}
    for cases in CASES:
        test = tmp_path / cases.name
        test.write_text(cases.read_text().replace("RULES", ", ".join(str(path) for path in rules)))
        assert "SUCCESS" in output_of(promtool, "test", "rules", "--ignore-unknown-fields", test)


def test_every_alert_is_tested_and_names_effect_and_remedy(rules: list[Path]) -> None:
    cases = "".join(path.read_text() for path in CASES)
    for rule in of("alert", rules):
        name = rule["alert"]
        assert f'alertname="{name}"' in cases
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}
        assert all("\n" not in text.strip() for text in rule["annotations"].values())


def test_every_recording_rule_is_tested(rules: list[Path]) -> None:
    """S2.10, S2.12: whichever proxy counts, what is recorded is the same."""
    groups = [group for path in CASES for group in yaml.safe_load(path.read_text())["tests"]]
    cases = [case for group in groups for case in group["promql_expr_test"] if case["exp_samples"]]
    for rule in of("record", rules):
        assert any(rule["record"] in case["expr"] for case in cases), rule["record"]


def test_latency_objectives_are_bucket_boundaries_of_the_services() -> None:
    """S2.10: what a service's library counts in is what an objective may name."""
    for seconds in DURATION_BOUNDARIES:
        assert Objectives(latency_seconds=seconds).latency_seconds == seconds
    with pytest.raises(InvalidSettingsError, match="latency_seconds: is not a histogram bucket boundary"):
        parse(Objectives, {"latency_seconds": 0.3})
    assert f'le="{0.5:g}"' in (FOLDERS[0] / "slo.test.yaml").read_text()


def test_without_exposed_services_no_objectives_are_recorded() -> None:
    assert objective_rules(Objectives(), ()) == {}


def test_rule_files_with_an_invalid_or_used_name_are_refused() -> None:
    args = PrometheusArgs(
        namespace="ns",
        rules=dict.fromkeys(("own.yaml", "a/b.rules.yaml", "slo.rules.yaml", "objectives.rules.yaml"), ""),
    )
    with pytest.raises(InvalidSettingsError) as raised:
        prometheus_manifests(args, PrometheusSettings())
    assert [str(problem) for problem in raised.value.problems] == [
        "rules.own.yaml: is not the name of a rule file; end it in .rules.yaml, such as orders.rules.yaml",
        "rules.a/b.rules.yaml: is not the name of a rule file; end it in .rules.yaml, such as orders.rules.yaml",
        "rules.slo.rules.yaml: is the name of a rule file of the library; choose another name",
        "rules.objectives.rules.yaml: is the name of a rule file of the library; choose another name",
    ]


def test_the_wheel_contains_the_rules(tmp_path: Path) -> None:
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
