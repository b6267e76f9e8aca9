"""S2.3, S2.10, S2.12: dashboards are what their source says, in Grafana's own types, and Prometheus can answer them."""

from __future__ import annotations

import configparser
import json
import re
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import files
from otel_mesh import GrafanaArgs, GrafanaSettings, InvalidSettingsError, Objectives
from otel_mesh.backends.grafana import dashboards as library
from otel_mesh.backends.grafana.component import grafana_manifests
from otel_mesh.backends.prometheus.objectives import objective_rules
from otel_mesh.backends.prometheus.rules import rule_files
from otel_mesh.core import versions
from tests.components.backends.dashboard_queries import asked, panels, texts
from tests.programs.command import output_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.built import Built


DASHBOARDS: list[dict[str, Any]] = [json.loads(text) for text in texts().values()]
EVERY = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: str(one["uid"]))
RECORDED = re.compile(r"\b[a-z_]+:[a-z_0-9]+:[a-z0-9]+")


def test_the_dashboard_files_are_up_to_date() -> None:
    made = files.texts()
    present = {path for folder in (files.LIBRARY, files.PLATFORM) for path in folder.glob("*.json")}
    assert present == set(made)
    assert {path: path.read_text() for path in made} == made, "`make dashboards` updates them"


@EVERY
def test_dashboards_conform_to_grafana_s_types(dashboard: dict[str, Any]) -> None:
    register_default_plugins()
    assert files.plain(Dashboard.from_json(dashboard)) == dashboard


@EVERY
def test_every_panel_has_a_description_and_a_place(dashboard: dict[str, Any]) -> None:
    shown = panels(dashboard)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in shown:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["datasource"] == {"type": "prometheus", "uid": "prometheus"}
        assert panel["fieldConfig"]["defaults"].get("unit") or panel["type"] == "table"
    for one, other in combinations((panel["gridPos"] for panel in dashboard["panels"]), 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


def test_prometheus_parses_every_query(tmp_path: Path, built: Built) -> None:
    questions = [one for dashboard in DASHBOARDS for one in asked(dashboard)]
    assert len(questions) > 50
    rules = [{"record": f"question:{number}", "expr": one.expr} for number, one in enumerate(questions)]
    path = tmp_path / "questions.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "questions", "rules": rules}]}))
    found = output_of(built("promtool") / "promtool", "check", "rules", "--lint=none", path)
    assert f"{len(questions)} rules found" in found


def test_recorded_series_in_dashboards_exist() -> None:
    recorded = {
        rule["record"]
        for text in [*rule_files().values(), *objective_rules(Objectives(), ["shop/api-gateway"]).values()]
        for group in yaml.safe_load(text)["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    used = {name for dashboard in DASHBOARDS for one in asked(dashboard) for name in RECORDED.findall(one.expr)}
    assert used <= recorded
    assert {name.partition(":")[0] for name in used} == {"service", "edge", "store", "mesh_service", "mesh_edge"}


def _args(further: dict[str, str]) -> GrafanaArgs:
    return GrafanaArgs(namespace="ns", prometheus_url="http://p", jaeger_url="http://j", dashboards=further)


def _refused(further: dict[str, str]) -> list[str]:
    settings = GrafanaSettings(existing_secret="given")  # noqa: S106 - the Secret's name
    with pytest.raises(InvalidSettingsError) as caught:
        grafana_manifests(_args(further), settings)
    return [str(problem) for problem in caught.value.problems]


GOOD = '{"uid": "own", "title": "Own"}'


@pytest.mark.parametrize(
    ("further", "said"),
    [
        ({"a/b.json": GOOD}, "dashboards.a/b.json: is not a valid file name; write one such as orders.json"),
        (
            {"services.json": GOOD},
            "dashboards.services.json: is the name of a dashboard of the library; choose another name",
        ),
        ({"own.json": "{"}, "dashboards.own.json: is not JSON; export the dashboard from Grafana again"),
        ({"own.json": "[]"}, "dashboards.own.json: is not a dashboard with 'uid' and 'title'; add both"),
        ({"own.json": '{"uid": "own"}'}, "dashboards.own.json: is not a dashboard with 'uid' and 'title'; add both"),
        (
            {"own.json": '{"uid": "mesh", "title": "Mesh"}'},
            "dashboards.own.json: has the uid 'mesh' of mesh.json; give it a uid of its own",
        ),
        (
            {"one.json": GOOD, "two.json": GOOD},
            "dashboards.two.json: has the uid 'own' of one.json; give it a uid of its own",
        ),
    ],
)
def test_invalid_dashboards_are_refused(further: dict[str, str], said: str) -> None:
    assert _refused(further) == [said]


def test_dashboards_larger_than_a_config_map_are_refused() -> None:
    large = json.dumps({"uid": "own", "title": "Own", "panels": ["x" * 2**20]})
    (said,) = _refused({"own.json": large})
    assert "more than the 1048576 of a ConfigMap; leave some out" in said


def test_the_library_s_dashboards_leave_room_for_others() -> None:
    assert sum(len(text.encode()) for text in library.own().values()) < 2**20 / 4


def _expanded(value: Any, environment: Mapping[str, str]) -> Any:  # noqa: ANN401 - YAML
    """As Grafana reads provisioning files: ``$$`` is a dollar, ``$NAME`` a variable."""
    if isinstance(value, dict):
        return {key: _expanded(one, environment) for key, one in value.items()}
    if isinstance(value, list):
        return [_expanded(one, environment) for one in value]
    if not isinstance(value, str):
        return value
    return "$".join(re.sub(r"\$(\w+)", lambda name: environment[name[1]], part) for part in value.split("$$"))


@pytest.mark.parametrize("logs", [None, "http://logs:9428"])
def test_links_lead_to_existing_data_sources(logs: str | None) -> None:
    """S2.12: from a metric to its trace, from a trace to its logs and metrics, from a line to its trace."""
    args = GrafanaArgs(namespace="ns", prometheus_url="http://p:9090", jaeger_url="http://j:16686", logs_url=logs)
    settings = GrafanaSettings(existing_secret="given")  # noqa: S106 - the Secret's name
    by_kind = {one["kind"]: one for one in grafana_manifests(args, settings)}
    (container,) = by_kind["Deployment"]["spec"]["template"]["spec"]["containers"]
    environment = {one["name"]: one["value"] for one in container["env"]}
    text = by_kind["ConfigMap"]["data"]["provisioning_datasources_otel-mesh.yaml"]
    sources = {one["uid"]: one for one in _expanded(yaml.safe_load(text), environment)["datasources"]}
    assert {uid: one["url"] for uid, one in sources.items()} == {
        "prometheus": "http://p:9090",
        "jaeger": "http://j:16686",
        **({"logs": logs} if logs else {}),
    }
    assert set(re.findall(r"datasourceUid: (\w+)", text)) <= sources.keys()
    assert sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"][0]["datasourceUid"] == "jaeger"
    assert "{__tags" not in str(sources["jaeger"])
    assert all("$__tags}" in one["query"] for one in sources["jaeger"]["jsonData"]["tracesToMetrics"]["queries"])
    if logs:
        assert sources["jaeger"]["jsonData"]["tracesToLogsV2"]["query"] == 'trace_id:="${__trace.traceId}"'
        assert sources["logs"]["jsonData"]["derivedFields"][0]["url"] == "${__value.raw}"
        plugin, _, version = GrafanaSettings().logs_plugin.partition("@")  # type: ignore[union-attr]
        assert sources["logs"]["type"] == plugin
        assert version == versions.GRAFANA_LOGS_PLUGIN
    plugins = configparser.RawConfigParser()
    plugins.read_string(by_kind["ConfigMap"]["data"]["grafana.ini"])
    assert plugins["plugins"].get("preinstall") == (settings.logs_plugin if logs else None)
    assert plugins["plugins"].getboolean("preinstall_disabled", False) is (logs is None)
