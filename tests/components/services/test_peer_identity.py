"""S1.9: the header with the identity of the peer depends on the mesh of the service."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.context import Context

from otel_mesh import IstioSettings, MeshBinding, MicroserviceArgs, MicroserviceSettings, NoMesh
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.services.microservice_objects import microservice_manifests
from otel_mesh_telemetry.peer import PeerIdentity
from otel_mesh_telemetry.server_features import features_from
from tests.components.scenarios import SERVICE


def environment(mesh: MeshBinding) -> dict[str, str]:
    settings = MicroserviceSettings(service=SERVICE, service_namespace="shop", environment="test")
    args = MicroserviceArgs(
        namespace="shop", image="shop:1", otlp_endpoint="http://c:4317", settings=settings, mesh=mesh
    )
    manifests = microservice_manifests(args, settings)
    (container,) = next(one for one in manifests if one["kind"] == "Deployment")["spec"]["template"]["spec"][
        "containers"
    ]
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}


LINKERD = MeshBinding(kind="linkerd", trust_domain="td", peer_identity="l5d-client-id")
XFCC = "By=spiffe://td/ns/a/sa/b;URI=spiffe://td/ns/shop/sa/forged,By=spiffe://td/ns/a/sa/b;URI=spiffe://td/ns/shop/sa/peer"


@pytest.mark.parametrize(
    ("mesh", "header", "value"),
    [
        (istio_binding(IstioSettings()), "x-forwarded-client-cert", XFCC),
        (LINKERD, "l5d-client-id", "peer.shop.serviceaccount.identity.l5d.td"),
    ],
    ids=["istio", "linkerd"],
)
def test_s1_9_the_library_trusts_the_header_of_the_mesh_proxy(mesh: MeshBinding, header: str, value: str) -> None:
    (feature,) = [one for one in features_from(environment(mesh)) if isinstance(one, PeerIdentity)]
    attributes: dict[str, Any] = {}
    feature.describe({header: value}, Context(), attributes)
    assert (attributes["mesh.peer.namespace"], attributes["mesh.peer.service_account"]) == ("shop", "peer")


def test_s1_9_without_a_mesh_no_header_is_trusted() -> None:
    assert not [one for one in features_from(environment(NoMesh())) if isinstance(one, PeerIdentity)]
