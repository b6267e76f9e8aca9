"""C1: the whole platform in one program: examples/platform, run without an engine."""

from __future__ import annotations

import pytest

from otel_mesh import Declared, run_program
from otel_mesh_cli.core.paths import repo_dir

EXAMPLES = repo_dir() / "examples"
SHORT = ("one_service", "platform", "tracing_only", "plain_image", "team_stack", "traffic")


@pytest.fixture(scope="module")
def declared() -> Declared:
    return run_program(EXAMPLES / "platform")


@pytest.mark.parametrize("name", SHORT)
def test_an_example_is_short(name: str) -> None:
    lines = [line for line in (EXAMPLES / name / "__main__.py").read_text().splitlines() if line.strip()]
    assert 10 <= len(lines) <= 30


def test_the_services_find_each_other_and_send_their_telemetry(declared: Declared) -> None:
    variables = declared.variables("shop")
    assert variables["STOCK_URL"] == "http://stock.books.svc.cluster.local:8081"
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otel-collector.telemetry.svc.cluster.local:4317"
    for name in ("jaeger", "prometheus", "otel-collector"):
        declared.one("Deployment", name, "telemetry")
    (provider,) = declared.one("Chart", "istiod")["spec"]["values"]["meshConfig"]["extensionProviders"]
    assert provider["opentelemetry"]["service"] == "otel-collector.telemetry.svc.cluster.local"


def test_only_the_declared_calls_are_allowed(declared: Declared) -> None:
    assert declared.callers("shop").keys() == {"entrance/ingress"}
    assert declared.callers("stock").keys() == {"books/shop"}
    assert declared.refusal("shop", "stock") is None
    assert declared.refusal("stock", "shop") == "AuthorizationPolicy books/shop-callers does not allow books/stock"
    assert declared.findings() == ()


def test_the_gateway_leads_to_the_exposed_service(declared: Declared) -> None:
    route = declared.one("VirtualService", "ingress")["spec"]["http"][0]["route"][0]["destination"]
    assert route == {"host": "shop.books.svc.cluster.local", "port": {"number": 8080}}
