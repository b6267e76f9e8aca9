"""An installed mesh and its members in the same program, without an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from otel_mesh import (
    IngressGateway,
    IngressGatewayArgs,
    IngressGatewaySettings,
    Istio,
    IstioArgs,
    IstioSettings,
    MeshBinding,
    Microservice,
    MicroserviceArgs,
    MicroserviceSettings,
    Namespace,
    NamespaceArgs,
    NamespaceSettings,
    Service,
)
from otel_mesh.mesh.istio import install
from tests.components.mesh.istio_scenarios import ROUTES, TRACING
from tests.components.pulumi_program import Program, event_loop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh import MeshInstaller

GATEWAY = IngressGatewaySettings(tls_secret="gateway-certificate")  # noqa: S106 - the Secret's name
SERVICE = Service(name="api-gateway", port=8080, exposed=True)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """A program without the objects of charts and definitions, since their transforms need an engine."""

    def chart(istio: Istio, name: str, *_: object) -> pulumi.Resource:
        return pulumi.ComponentResource("test:index:Chart", name, None, pulumi.ResourceOptions(parent=istio))

    monkeypatch.setattr(Istio, "_chart", chart)
    monkeypatch.setattr(install, "gateway_api_definitions", lambda *_, **__: [])
    with event_loop() as loop:
        yield Program(loop)


def _installed(**more: Any) -> Istio:  # noqa: ANN401 - arguments
    settings = IstioSettings(version="1.31.0", revision="canary", trust_domain="mesh.example")
    return Istio("istio", IstioArgs(tracing=TRACING, environment="test", settings=settings, **more))


def _is_object(one: pulumi.runtime.MockResourceArgs, kind: str, name: str) -> bool:
    return one.typ.startswith("kubernetes:") and one.typ.endswith(f":{kind}") and one.name == name


def _inputs(program: Program, kind: str, name: str) -> dict[str, Any]:
    program.kinds()
    (found,) = (one for one in program.mocks.registered if _is_object(one, kind, name))
    inputs: dict[str, Any] = found.inputs
    return inputs


def test_a_program_installs_a_mesh_and_joins_it(program: Program) -> None:
    mesh: MeshInstaller = _installed(gateway=GATEWAY.binding("istio-ingress"))
    joined = pulumi.ResourceOptions(depends_on=[mesh.component])
    namespace = Namespace("ingress", NamespaceArgs(settings=NamespaceSettings(name="istio-ingress"), mesh=mesh.binding))
    gateway_args = IngressGatewayArgs(
        namespace=namespace.namespace, mesh=mesh.binding, routes=ROUTES, tracing=TRACING, settings=GATEWAY
    )
    IngressGateway("gateway", gateway_args, joined)
    settings = MicroserviceSettings(service=SERVICE, service_namespace="shop", environment="test")
    args = MicroserviceArgs(
        namespace="shop", image="shop:1", otlp_endpoint="http://c:4317", settings=settings, mesh=mesh.binding
    )
    Microservice("api-gateway", args, joined)

    assert _inputs(program, "Namespace", "ingress-istio-ingress")["metadata"]["labels"]["istio.io/rev"] == "canary"
    assert (
        _inputs(program, "Gateway", f"gateway-{GATEWAY.name}")["spec"]["servers"][1]["tls"]["credentialName"]
        == GATEWAY.tls_secret
    )
    pod = _inputs(program, "Deployment", "api-gateway")["spec"]["template"]
    assert pod["metadata"]["annotations"]["otel-mesh.dev/mesh-revision"] == "canary"
    (container,) = pod["spec"]["containers"]
    variables = {one["name"]: one.get("value") for one in container["env"]}
    assert variables["OTEL_MESH_PEER_IDENTITY"] == "xfcc-last"
    assert "OTEL_MESH_OUTSIDE_CONTEXT" not in variables, "the gateway decides, and the binding knows the gateway"


def test_the_binding_is_exported_in_the_form_other_stacks_read(program: Program) -> None:
    istio = _installed(gateway=GATEWAY.binding("istio-ingress"))
    assert istio.binding.gateway is not None
    assert istio.binding.gateway.https_port == 443
    assert MeshBinding.model_validate(program.value(istio.mesh)) == istio.binding


def test_an_installer_names_its_namespaces_and_what_is_wrong_with_its_charts(
    program: Program, tmp_path_factory: pytest.TempPathFactory
) -> None:
    istio = _installed()
    assert istio.namespaces == ("istio-system", "istio-cni")
    assert istio.chart_warnings == ()
    assert istio.component is istio
    folder = tmp_path_factory.mktemp("charts")
    other = Istio("other", IstioArgs(tracing=TRACING, environment="test", charts_dir=str(folder)))
    assert len(other.chart_warnings) == 3
    program.kinds()
