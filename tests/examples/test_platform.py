"""The whole platform in one program: examples/platform, run without an engine."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING, Any

import pytest

import otel_mesh as om
from otel_mesh_cli.core.paths import repo_dir
from tests.components.pulumi_program import Program, event_loop
from tests.examples.installed_istio import InstalledIstio

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = repo_dir() / "examples"
SHORT = ("one_service", "platform", "tracing_only", "plain_image", "team_stack", "traffic")


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, dict[str, Any]]]:
    """The objects of the program, by kind and name."""
    monkeypatch.setattr(om, "Istio", InstalledIstio, raising=False)
    with event_loop() as loop:
        program = Program(loop)
        runpy.run_path(str(EXAMPLES / "platform" / "__main__.py"))
        program.kinds()
        yield {
            f"{one.typ.rsplit(':', 1)[-1]} {one.inputs['metadata']['name']}": dict(one.inputs)
            for one in program.mocks.registered
            if "metadata" in one.inputs
        }


@pytest.mark.parametrize("name", SHORT)
def test_an_example_is_short(name: str) -> None:
    lines = [line for line in (EXAMPLES / name / "__main__.py").read_text().splitlines() if line.strip()]
    assert 10 <= len(lines) <= 30


def test_the_services_find_each_other_and_send_their_telemetry(objects: dict[str, dict[str, Any]]) -> None:
    pod = objects["Deployment shop"]["spec"]["template"]["spec"]
    variables = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
    assert variables["STOCK_URL"] == "http://stock.books.svc.cluster.local:8081"
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otel-collector.telemetry.svc.cluster.local:4317"
    assert {"Deployment jaeger", "Deployment prometheus", "Deployment otel-collector"} <= objects.keys()
    (args,) = InstalledIstio.args
    assert args.tracing.service == "otel-collector.telemetry.svc.cluster.local"


def test_only_the_declared_calls_are_allowed(objects: dict[str, dict[str, Any]]) -> None:
    callers = {
        name.partition(" ")[2]: one["spec"]["rules"][0]["from"][0]["source"]["principals"]
        for name, one in objects.items()
        if name.startswith("AuthorizationPolicy") and one["spec"].get("rules")
    }
    assert callers == {
        "shop-callers": ["cluster.local/ns/entrance/sa/ingress"],
        "stock-callers": ["cluster.local/ns/books/sa/shop"],
    }


def test_the_gateway_leads_to_the_exposed_service(objects: dict[str, dict[str, Any]]) -> None:
    route = objects["VirtualService ingress"]["spec"]["http"][0]["route"][0]["destination"]
    assert route == {"host": "shop.books.svc.cluster.local", "port": {"number": 8080}}
