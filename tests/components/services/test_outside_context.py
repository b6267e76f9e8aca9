"""Services that are exposed without a gateway of the mesh do not trust the trace context of their callers."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from otel_mesh import GatewayBinding, MeshBinding, MicroserviceArgs, MicroserviceSettings, NoMesh, Service
from otel_mesh.services.microservice_objects import microservice_manifests
from otel_mesh_telemetry.outside import VARIABLE, Outside

GATEWAY = MeshBinding(
    kind="istio",
    trust_domain="cluster.local",
    gateway=GatewayBinding(namespace="istio-ingress", service="ingress", service_account="ingress"),
)
LINKERD = MeshBinding(kind="linkerd", trust_domain="cluster.local")


def outside_context(mesh: MeshBinding, *, exposed: bool, **runtime: Any) -> str | None:  # noqa: ANN401
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
def test_an_exposed_service_without_a_gateway_restarts_traces(
    mesh: MeshBinding, *, exposed: bool, expected: str | None
) -> None:
    assert outside_context(mesh, exposed=exposed) == expected


@pytest.mark.parametrize("value", ["continue", "link", "restart"])
def test_the_outside_context_can_be_set(value: Literal["continue", "link", "restart"]) -> None:
    assert outside_context(NoMesh(), exposed=True, outside_context=value) == value
    assert value in list(Outside), "the library knows it"
