"""B10: outputs of a stack for tools: the query APIs of its telemetry, and its catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from otel_mesh import Catalog, EdgeStanding
from otel_mesh_cli.oncall import service_map
from otel_mesh_stack import outputs
from otel_mesh_stack.deploy import deploy
from otel_mesh_stack.outputs import ServicePort, Telemetry
from otel_mesh_stack.services import CATALOG
from tests.components.pulumi_program import settle
from tests.infra.stack_config import accepted, changed, stack_settings, use
from tests.infra.test_stack_stores import NEIGHBOURS, WITHOUT_OWN

if TYPE_CHECKING:
    import asyncio

    from tests.components.pulumi_program import Mocks


def exported(
    settings: object, stack: str, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> tuple[Mocks, dict[str, Any]]:
    """The resources and the plain-data outputs of the program."""
    found: dict[str, Any] = {}
    recorder = use(settings, stack)
    monkeypatch.setattr(pulumi, "export", found.__setitem__)
    deploy()
    settle(loop)
    return recorder, found


@pytest.mark.parametrize("stack", ["local", "dev", "prod"])
def test_each_query_api_is_a_port_of_a_service_that_the_stack_deploys(
    stack: str, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**stack_settings(stack), "mesh": {"kind": "none"}}  # charts are not available here
    recorder, found = exported(settings, stack, loop, monkeypatch)
    services = [one.inputs for one in recorder.registered if one.typ == "kubernetes:core/v1:Service"]
    deployed = {
        (one["metadata"]["namespace"], one["metadata"]["name"], port["port"])
        for one in services
        for port in one["spec"]["ports"]
    }
    telemetry = Telemetry.model_validate(found[outputs.TELEMETRY])
    parts = (telemetry.jaeger, telemetry.prometheus, telemetry.logs, telemetry.grafana)
    assert [one is not None for one in parts] == [True, True, True, stack != "local"]
    assert {(one.namespace, one.name, one.port) for one in parts if isinstance(one, ServicePort)} <= deployed
    assert telemetry.gateway is None
    assert Catalog.model_validate(found[outputs.CATALOG]) == CATALOG


def test_a_store_in_another_namespace_is_declared_in_the_map(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = changed(**WITHOUT_OWN, **NEIGHBOURS, mesh__kind="none")
    _, found = exported(settings, "local", loop, monkeypatch)
    catalog = Catalog.model_validate(found[outputs.CATALOG])
    seen = [(("user-service", callee), 1.0, 0.0, None) for callee in ("db", "cache", "postgres-of-others")]
    standings = {edge.callee: edge.standing for edge in service_map.compared(seen, catalog) if edge.calls}
    declared = {"postgres": EdgeStanding.DECLARED, "redis": EdgeStanding.DECLARED}
    assert standings == {**declared, "postgres-of-others": EdgeStanding.UNDECLARED}


def test_output_names_follow_the_settings(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = changed(namespaces__observability="seeing", jaeger__name="tracing", mesh__kind="none")
    _, found = exported(settings, "local", loop, monkeypatch)
    telemetry = Telemetry.model_validate(found[outputs.TELEMETRY])
    assert telemetry.jaeger == ServicePort(namespace="seeing", name="tracing", port=16686)


def test_the_gateway_output_is_the_mesh_gateway() -> None:
    mesh = {"kind": "istio", "gateway_namespace": "edge", "gateway": {"name": "door"}, "node_from_file": True}
    found = outputs.telemetry(accepted({**changed(), "mesh": mesh}).settings)
    assert found.gateway == ServicePort(namespace="edge", name="door", port=80)
