"""Tests of this stack: no engine, no cluster. Run them with `pytest`."""

import json
from pathlib import Path

import pytest

from otel_mesh import Declared, run_program

HERE = Path(__file__).parent
PLATFORM = "organization/otel-mesh/dev"
# what `pulumi stack output --json --stack organization/otel-mesh/dev` prints
OUTPUTS = json.loads((HERE / "platform.json").read_text())


@pytest.fixture(scope="module")
def mobile() -> Declared:
    config = {"platform": PLATFORM, "context": "none", "image": "registry.example.com/mobile-api:1.0.0"}
    return run_program(HERE, config=config, stacks={PLATFORM: OUTPUTS})


def test_telemetry_goes_to_the_platform(mobile: Declared) -> None:
    assert mobile.variables("mobile-api")["OTEL_EXPORTER_OTLP_ENDPOINT"] == OUTPUTS["otlp_endpoint"]


def test_callees_are_those_of_the_platform(mobile: Declared) -> None:
    assert mobile.variables("mobile-api")["USER_SERVICE_URL"] == OUTPUTS["service_urls"]["user-service"]


def test_only_the_gateway_calls_the_service(mobile: Declared) -> None:
    assert mobile.callers("mobile-api").keys() == {"istio-ingress/ingress"}


def test_nothing_contradicts_something_else(mobile: Declared) -> None:
    assert mobile.findings() == ()
