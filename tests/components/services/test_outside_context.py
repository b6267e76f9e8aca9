"""Trace context from outside: services exposed without a gateway of the mesh restart traces."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from otel_mesh import GatewayBinding, MeshBinding, MicroserviceArgs, MicroserviceSettings, NoMesh, Service
from otel_mesh.services.microservice import microservice_manifests
from otel_mesh_telemetry.outside import VARIABLE, Outside

GATEWAY = MeshBinding(
    kind="istio",
    trust_domain="cluster.local",
    gateway=GatewayBinding(namespace="istio-ingress", service="ingress", service_account="ingress"),
)
LINKERD = MeshBinding(kind="linkerd", trust_domain="cluster.local")


def told(mesh: MeshBinding, *, exposed: bool, **runtime: Any) -> str | None:  # noqa: ANN401
    service = Service(name="api-gateway", port=8080, exposed=exposed)
    settings = MicroserviceSettings(service=service, service_namespace="shop", environment="production", **runtime)
    args = MicroserviceArgs(
        namespace="shop", image="example.com/api-gateway:1", otlp_endpoint="http://c:4317", settings=settings, mesh=mesh
    )
    (deployment,) = [one for one in microservice_manifests(args, settings) if one["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one.get("value") for one in container["env"]}.get(VARIABLE)


@pytest.mark.parametrize(
    ("mesh", "exposed", "expected"),
    [(NoMesh(), True, "restart"), (LINKERD, True, "restart"), (GATEWAY, True, None), (NoMesh(), False, None)],
)
def test_exposed_services_restart_traces(mesh: MeshBinding, *, exposed: bool, expected: str | None) -> None:
    assert told(mesh, exposed=exposed) == expected


@pytest.mark.parametrize("value", ["continue", "link", "restart"])
def test_a_stack_can_override_the_restart_of_traces(value: Literal["continue", "link", "restart"]) -> None:
    assert told(NoMesh(), exposed=True, outside_context=value) == value
    assert value in list(Outside), "the library knows it"
