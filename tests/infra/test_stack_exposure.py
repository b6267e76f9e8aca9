"""Backends are not exposed by default; at the gateway each needs a token, and nothing else gets nearer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh import Pods, workload_pods
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh_stack import network
from otel_mesh_stack.deploy import deploy
from tests.components.pulumi_program import settle
from tests.infra.exposure_mistakes import TOKENS
from tests.infra.stack_config import accepted, stack_settings, use

if TYPE_CHECKING:
    import asyncio

    from otel_mesh import MeshBinding

BACKENDS = ("jaeger", "prometheus", "victoria-logs", "grafana", "alertmanager")
HOSTS = {"jaeger": "jaeger.ops.example.com", "victoria_logs": "logs.ops.example.com"}


def objects(loop: asyncio.AbstractEventLoop, stack: str, **mesh: Any) -> list[tuple[str, dict[str, Any]]]:  # noqa: ANN401 - settings
    values = stack_settings(stack)
    values["mesh"] = {**values["mesh"], **mesh}
    mocks = use(values, stack)
    deploy()
    settle(loop)
    return [(one.typ.rsplit(":", 1)[-1], dict(one.inputs)) for one in mocks.registered]


def destinations(made: list[tuple[str, dict[str, Any]]]) -> dict[str, str]:
    """The Service that each route of a gateway leads to, by the route's host."""
    return {
        host: step["route"][0]["destination"]["host"]
        for kind, one in made
        if kind == "VirtualService"
        for host in one["spec"]["hosts"]
        for step in one["spec"]["http"]
        if "route" in step
    }


@pytest.mark.parametrize("stack", ["local", "dev", "prod"])
def test_no_backend_is_reached_from_outside_by_default(loop: asyncio.AbstractEventLoop, stack: str) -> None:
    made = objects(loop, stack)
    specs = {one["metadata"]["name"]: one["spec"] for kind, one in made if kind == "Service"}
    assert {specs[name].get("type", "ClusterIP") for name in BACKENDS if name in specs} == {"ClusterIP"}
    assert not {kind for kind, _ in made} & {"Ingress", "HTTPRoute", "ExposedBackends"}
    assert all(".observability." not in host for host in destinations(made).values())


def test_an_exposed_backend_has_a_host_of_its_own_and_refuses_requests_without_a_token(
    loop: asyncio.AbstractEventLoop,
) -> None:
    made = objects(loop, "prod", exposed_backends={"hosts": HOSTS, "tokens": TOKENS})
    found = destinations(made)
    assert {found[host] for host in HOSTS.values()} == {
        "jaeger.observability.svc.cluster.local",
        "victoria-logs.observability.svc.cluster.local",
    }
    policies = {one["metadata"]["name"]: one["spec"] for kind, one in made if kind == "AuthorizationPolicy"}
    refused = policies["ingress-backends"]
    assert refused["action"] == "DENY"
    assert refused["selector"] == next(one["spec"]["selector"] for kind, one in made if kind == "RequestAuthentication")
    without, others, plain = refused["rules"]
    for rule in refused["rules"]:
        (to,) = rule["to"]
        assert {*HOSTS.values(), *(f"{host}:*" for host in HOSTS.values())} == set(to["operation"]["hosts"])
    assert without["from"] == [{"source": {"notRequestPrincipals": [f"{TOKENS['issuer']}/*"]}}]
    assert others["when"] == [{"key": "request.auth.audiences", "notValues": TOKENS["audiences"]}]
    assert plain["to"][0]["operation"]["ports"] == ["8080"]


def test_the_network_lets_the_gateway_reach_exposed_backends_only(meshed: MeshBinding) -> None:
    values = stack_settings("prod")
    values["mesh"]["exposed_backends"] = {"hosts": {"jaeger": HOSTS["jaeger"]}, "tokens": TOKENS}
    settings = accepted(values, "prod").settings
    gateway = workload_pods("istio-ingress", "ingress")
    reached = {
        one.destination.name: {port.number for port in one.ports}
        for one in network.connections(settings, meshed)
        if one.source == gateway and isinstance(one.destination, Pods) and one.destination.namespace == "observability"
    }
    assert reached["jaeger"] == {16686}
    assert reached.keys() == {"jaeger", "otel-collector"}


@pytest.fixture
def meshed() -> MeshBinding:
    settings = accepted(stack_settings("prod"), "prod").settings
    return istio_binding(settings.mesh.istio, gateway=settings.mesh.gateway.binding("istio-ingress"))
