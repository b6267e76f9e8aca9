"""The gateway of the Gateway API in front of a stack with a Linkerd: its objects, and who may call whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_mesh import Addresses, Pods, gateway_pods
from otel_mesh.mesh.linkerd.binding import linkerd_binding
from otel_mesh_stack import network
from otel_mesh_stack.deploy import deploy
from tests.components.pulumi_program import settle
from tests.infra.stack_config import accepted, changed, use

if TYPE_CHECKING:
    import asyncio

    from otel_mesh_stack.model import StackSettings

OTHER: Final = {
    "controller": "other",
    "gateway_class": "contour",
    "data_plane": {
        "namespace": "projectcontour",
        "service": "envoy",
        "service_account": "envoy",
        "pod_labels": {"app": "envoy"},
        "pod_ports": [8080],
    },
}
CONTROLLERS: Final = pytest.mark.parametrize("controller", [{}, OTHER], ids=["envoy-gateway", "other"])
TEAMS: Final = [{"namespace": "mobile", "service": "mobile-api", "path_prefix": "/mobile"}]


def values(controller: dict[str, Any]) -> dict[str, Any]:
    made = changed(mesh__kind="linkerd", mesh__gateway_api=controller, network_policies__enabled=True)
    return {**made, "mesh": {**made["mesh"], "team_routes": TEAMS}}


@pytest.fixture
def settings(controller: dict[str, Any]) -> StackSettings:
    return accepted(values(controller)).settings


@CONTROLLERS
def test_a_stack_has_the_gateway_and_no_entrance_beside_it(
    loop: asyncio.AbstractEventLoop, controller: dict[str, Any]
) -> None:
    mocks = use(values(controller))
    deploy()
    settle(loop)
    made = [(one.typ.rsplit(":", 1)[-1], dict(one.inputs)) for one in mocks.registered if "metadata" in one.inputs]
    kinds = [kind for kind, _ in made]
    assert ("EnvoyProxy" in kinds) is (not controller)
    assert {"Gateway", "HTTPRoute", "ValidatingAdmissionPolicy"} <= set(kinds)
    assert {one["metadata"]["name"] for kind, one in made if kind == "Namespace"} >= {"ingress", "shop"}
    assert "projectcontour" not in {one["metadata"]["name"] for kind, one in made if kind == "Namespace"}
    networks = [one["spec"]["networks"] for kind, one in made if kind == "NetworkAuthentication"]
    assert all("api-gateway" not in str(one) for one in networks)
    account = "envoy.projectcontour" if controller else "ingress.ingress"
    known = {one["metadata"]["name"]: one["spec"] for kind, one in made if kind == "MeshTLSAuthentication"}
    callers = [name for name, spec in known.items() if f"{account}." in str(spec["identities"])]
    assert any("api-gateway" in name for name in callers)
    senders = [name for name in callers if name == "otel-collector-senders"]
    assert len(senders) == 1


@CONTROLLERS
def test_only_the_gateway_s_pods_are_open_to_everybody(settings: StackSettings) -> None:
    mesh = linkerd_binding(settings.mesh.linkerd, gateway=settings.mesh.gateway_binding)
    assert mesh.gateway is not None
    pods = gateway_pods(mesh.gateway)
    made = list(network.connections(settings, mesh))
    everybody = [one for one in made if isinstance(one.source, Addresses)]
    assert [one.destination for one in everybody] == [pods]
    assert {port.number for one in everybody for port in one.ports} == set(mesh.gateway.pod_ports)
    reached = {one.destination.name for one in made if one.source == pods and isinstance(one.destination, Pods)}
    assert "api-gateway" in reached


@pytest.mark.parametrize("controller", [{}])
def test_envoy_s_proxies_reach_the_controller_that_configures_them(settings: StackSettings) -> None:
    mesh = linkerd_binding(settings.mesh.linkerd, gateway=settings.mesh.gateway_binding)
    assert mesh.gateway is not None
    pods = gateway_pods(mesh.gateway)
    (found,) = (
        one
        for one in network.connections(settings, mesh)
        if one.source == pods and one.destination == Pods(namespace="envoy-gateway-system")
    )
    assert [port.number for port in found.ports] == [18000]
