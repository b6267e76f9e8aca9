"""S1.13: sampling by the services, or by samplers that get complete traces."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_stack.deploy import deploy
from otel_mesh_stack.settings import read
from tests.components.pulumi_program import settle
from tests.infra.stack_config import IMAGES, stack_settings, use

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from tests.components.pulumi_program import Mocks


def _deployed(loop: asyncio.AbstractEventLoop, settings: dict[str, Any], stack: str) -> Mocks:
    """The resources of a stack without its mesh, whose charts need an engine."""
    mocks = use({**settings, "mesh": {"kind": "none"}}, stack)
    deploy()
    settle(loop)
    return mocks


def _environment(mocks: Mocks, name: str) -> dict[str, str]:
    (made,) = [one for one in mocks.registered if one.typ.endswith(":Deployment") and one.name == name]
    (container,) = made.inputs["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_s1_14_services_record_everything_where_samplers_decide(loop: asyncio.AbstractEventLoop, stack: str) -> None:
    mocks = _deployed(loop, stack_settings(stack), stack)
    assert {_environment(mocks, name)["OTEL_TRACES_SAMPLER"] for name in IMAGES} == {"parentbased_always_on"}
    host = "otel-sampler.observability.svc.cluster.local"
    collector, sampler = (_environment(mocks, name) for name in ("otel-collector", "otel-sampler"))
    assert collector["SAMPLER_HOST"] == host
    assert "TRACES_ENDPOINT" not in collector
    assert sampler["TRACES_ENDPOINT"] == "jaeger.observability.svc.cluster.local:4317"


def test_the_local_stack_keeps_every_trace_without_sampling(loop: asyncio.AbstractEventLoop) -> None:
    mocks = _deployed(loop, stack_settings("local"), "local")
    assert not [one for one in mocks.registered if one.name == "otel-sampler"]
    assert _environment(mocks, "otel-collector")["TRACES_ENDPOINT"] == "jaeger.observability.svc.cluster.local:4317"


def test_samplers_run_the_collector_image_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "images.json").write_text(json.dumps({**IMAGES, "otel-collector": "file.invalid/otelcol:1"}))
    use(stack_settings("prod"), "prod")
    settings = read().settings
    assert settings.tail_sampler is not None
    assert settings.tail_sampler.image == settings.collector.image == "file.invalid/otelcol:1"
    assert settings.tail_sampler.scheduling.priority_class == "otel-mesh-telemetry"
