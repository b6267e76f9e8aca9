"""Production as docs/production.md tells it: what runs how often, what is spread, and what removes a single point."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
import yaml

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_stack.deploy import deploy
from otel_mesh_stack.stores import ShopPostgres
from tests.components.pulumi_program import settle
from tests.docs.pages import blocks
from tests.infra.stack_config import accepted, stack_settings, use

if TYPE_CHECKING:
    import asyncio

    from tests.components.pulumi_program import Mocks

PAGE: Final = repo_dir() / "docs" / "production.md"
SPREAD: Final = {("topology.kubernetes.io/zone", "ScheduleAnyway"), ("kubernetes.io/hostname", "ScheduleAnyway")}


class Row(NamedTuple):
    """A row of the page's first table."""

    pods: int
    volume: str
    cost: str
    settings: tuple[str, ...]


class Runs(NamedTuple):
    """A workload of the stack's objects."""

    pods: int
    volume: str
    spread: set[tuple[str, str]]
    evicted_at_once: int | None


def told() -> dict[str, Row]:
    found = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"`[a-z-]+`", cells[0]) and len(cells) == len(Row._fields) + 1:
            names = tuple(re.findall(r"`([a-z_.]+)`", cells[4]))
            found[cells[0].strip("`")] = Row(int(cells[1]), cells[2], cells[3], names)
    return found


def _spread(constraints: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(one["topologyKey"], one["whenUnsatisfiable"]) for one in constraints}


def _volume(spec: dict[str, Any], pod: dict[str, Any]) -> str:
    if "volumeClaimTemplates" in spec:
        return "one each"
    return "one" if any("persistentVolumeClaim" in one for one in pod.get("volumes", [])) else ""


def rendered(mocks: Mocks) -> dict[str, Runs]:
    kinds = {"Deployment", "StatefulSet", "CronJob", "PodDisruptionBudget", "Chart"}
    objects = [(one.typ.rsplit(":", 1)[-1], one.inputs) for one in mocks.registered]
    made = [(kind, inputs) for kind, inputs in objects if kind in kinds]
    budgets = {
        inputs["metadata"]["name"]: int(inputs["spec"]["maxUnavailable"])
        for kind, inputs in made
        if kind == "PodDisruptionBudget"
    }
    found = {}
    for kind, inputs in made:
        if kind == "Chart" and inputs["chart"] == "istiod":
            values = inputs["values"]  # the chart's budget keeps one pod running
            budget = 1 if values["global"].get("defaultPodDisruptionBudget", {}).get("enabled", True) else None
            spread = _spread(values["topologySpreadConstraints"])
            found["istiod"] = Runs(int(values["replicaCount"]), "", spread, budget)
        elif kind in {"Deployment", "StatefulSet", "CronJob"}:
            name, spec = inputs["metadata"]["name"], inputs["spec"]
            template = spec["jobTemplate"]["spec"]["template"] if kind == "CronJob" else spec["template"]
            pod = template["spec"]
            spread = _spread(pod.get("topologySpreadConstraints", []))
            found[name] = Runs(int(spec.get("replicas", 1)), _volume(spec, pod), spread, budgets.get(name))
    return found


@pytest.fixture
def production(loop: asyncio.AbstractEventLoop) -> dict[str, Runs]:
    mocks = use(stack_settings("prod"), "prod")
    deploy()
    settle(loop)
    return rendered(mocks)


def test_the_page_lists_every_workload_with_its_pods_and_volumes(production: dict[str, Runs]) -> None:
    listed = {name: (row.pods, row.volume) for name, row in told().items()}
    assert listed == {name: (one.pods, one.volume) for name, one in production.items()}


def test_what_runs_several_times_is_spread_and_drained_pod_by_pod(production: dict[str, Runs]) -> None:
    several = {name: one for name, one in production.items() if one.pods > 1}
    assert {"istiod", "ingress", "api-gateway", "otel-collector", "alertmanager"} <= several.keys()
    for name, one in several.items():
        assert one.spread == SPREAD, name
        assert one.evicted_at_once == 1, name


def test_a_single_pod_holds_up_no_drain_and_says_what_it_costs(production: dict[str, Runs]) -> None:
    rows = told()
    for name, one in production.items():
        row = rows[name]
        assert bool(row.cost) == (one.pods == 1), name
        if one.pods == 1:
            assert one.evicted_at_once is None, name
            assert row.settings or name == "grafana", f"{name}: no setting removes it"


def _blocks() -> list[dict[str, Any]]:
    return [yaml.safe_load(block.text) for block in blocks("yaml") if block.page == PAGE]


def test_the_settings_that_are_told_leave_no_single_point(loop: asyncio.AbstractEventLoop) -> None:
    outside = _blocks()[-1]
    for name, row in told().items():
        if name != "grafana" and row.pods == 1:
            part, _, key = row.settings[0].partition(".")
            assert key in outside[part], f"{name}: {row.settings[0]}"
    values = stack_settings("prod")
    for part, own in outside.items():
        kept = values.get(part, {}) if part == "collector" else {}
        values[part] = None if own is None else {**kept, **own}
    mocks = use(values, "prod")
    deploy()
    settle(loop)
    assert {name for name, one in rendered(mocks).items() if one.pods == 1} == {"grafana"}


def test_a_dump_may_be_kept_in_another_zone_than_its_database() -> None:
    values = stack_settings("prod")
    for part, own in _blocks()[0].items():
        values[part]["scheduling"] = {**values[part].get("scheduling", {}), **own["scheduling"]}
    settings = accepted(values, "prod").settings
    assert isinstance(settings.postgres, ShopPostgres)
    assert settings.postgres_backup is not None
    parts = (settings.postgres, settings.postgres_backup)
    assert len({one.scheduling.node_selector["topology.kubernetes.io/zone"] for one in parts}) == len(parts)
    assert settings.postgres.scheduling.priority_class == "otel-mesh-serving", "what the stack says beside it stays"
