"""Hosts outside the cluster, and a gateway's certificate, as Outputs: the meshes' objects are those of plain names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from otel_mesh import (
    Catalog,
    EgressHost,
    ExternalCall,
    IngressGatewaySettings,
    InvalidSettingsError,
    IstioSettings,
    declared_egress,
    parse,
)
from otel_mesh.mesh.istio import egress as istio
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.mesh.istio.gateway import IngressGatewayArgs, gateway_manifests
from otel_mesh.mesh.istio.telemetry_egress import service_entries
from otel_mesh.mesh.linkerd import egress as linkerd
from tests.components.mesh.istio_scenarios import TRACING
from tests.components.pulumi_program import Program, event_loop, late, refusal, values

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh.k8s.manifests import Manifest


def egress(*calls: object) -> Any:  # noqa: ANN401 - a tuple of Egress
    services = [{"name": f"web-{number}", "port": 8080, "external_calls": [one]} for number, one in enumerate(calls)]
    return declared_egress(parse(Catalog, {"name": "shop", "services": services}), "shop")


@pytest.mark.parametrize("render", [istio.egress_manifests, linkerd.egress_manifests])
@pytest.mark.parametrize(
    "call",
    [
        {"port": 443, "addresses": ["192.0.2.0/24"]},
        {"port": 80, "protocol": "http"},
        {"port": 80, "protocol": "grpc"},
        {"port": 5432, "protocol": "tcp", "addresses": ["192.0.2.7/32"]},
    ],
)
def test_a_host_of_another_stack_is_called(
    program: Program, render: Callable[..., list[Manifest]], call: dict[str, Any]
) -> None:
    plain = {"host": "a.example.com", "port": 80, "protocol": "http"}

    def made(host: pulumi.Input[str]) -> list[Any]:
        return values(program, render(egress({**call, "name": "payments", "host": host}, plain), "shop"))

    found = made(late("pay.example.com"))
    assert found == made("pay.example.com")
    assert any(one["metadata"]["name"].startswith("external-payments") for one in found)


def test_tls_by_the_proxy_verifies_the_host(program: Program) -> None:
    call = {"host": late("pay.example.com"), "name": "payments", "port": 80, "protocol": "http", "tls_port": 443}
    (rule,) = [one for one in istio.egress_manifests(egress(call), "shop") if one["kind"] == "DestinationRule"]
    (settings,) = program.value(pulumi.Output.from_input(rule))["spec"]["trafficPolicy"]["portLevelSettings"]
    assert settings["tls"]["sni"] == "pay.example.com"
    assert settings["tls"]["subjectAltNames"] == ["pay.example.com"]


def test_an_output_needs_a_name_for_its_objects() -> None:
    with event_loop() as loop:
        Program(loop)
        reason = "required if 'host' is an Output: objects need names before its value is known"
        for call in (late("pay.example.com"), {"host": late("pay.example.com")}):
            with pytest.raises(InvalidSettingsError) as raised:
                egress(call)
            place = "services[0].external_calls[0].name"
            assert str(raised.value) == f"{place}: {reason}; add it, such as {{name: payments}}"


@pytest.mark.parametrize(
    ("calls", "error"),
    [
        (
            ["pay.example.com", ("payments", "pay.example.com")],
            "host: 'payments' and 'pay.example.com' name the same host; give the host the same name everywhere",
        ),
        (
            [("payments", "pay.example.com"), ("payments", "other.example.com", 8443)],
            "host: 'payments' is the name of several hosts; give each host its own name",
        ),
        (
            [("payments", "pay.example.com"), ("payments", "other.example.com")],
            "host: 'payments' is the name of several hosts; give each host its own name",
        ),
        (
            [("payments", "https://pay.example.com")],
            (
                "ExternalCall.host: the Output's value is not a host name; write one such as api.example.com,"
                " without scheme, port and path"
            ),
        ),
    ],
)
def test_hosts_are_compared_when_they_are_known(calls: list[Any], error: str) -> None:
    def made(program: Program) -> object:
        listed = [
            one
            if isinstance(one, str)
            else ExternalCall(name=one[0], host=late(one[1]), port=one[2] if len(one) > 2 else 443)
            for one in calls
        ]
        return values(program, istio.egress_manifests(egress(*listed), "shop"))

    assert refusal(made) == error


def test_a_collector_reaches_a_backend_of_another_stack(program: Program) -> None:
    def made(host: pulumi.Input[str]) -> list[Any]:
        hosts = [EgressHost(host=host, name="vendor", port=4317, protocol="TLS")]
        return values(program, service_entries("telemetry", hosts))

    assert made(late("otlp.example.com")) == made("otlp.example.com")


def test_an_address_is_not_a_late_host_name() -> None:
    def made(program: Program) -> object:
        hosts = [EgressHost(host=late("10.1.2.3"), name="vendor", port=4317, protocol="TLS")]
        return values(program, service_entries("telemetry", hosts))

    assert refusal(made) == (
        "EgressHost.host: the Output's value is an address, which needs other objects than a host name; write the"
        " address itself, or an Output of a host name"
    )


def test_the_certificate_of_a_gateway_may_be_in_a_secret_of_another_component(program: Program) -> None:
    def made(secret: pulumi.Input[str]) -> list[Any]:
        settings = parse(IngressGatewaySettings, {"tls_secret": secret, "plain_http": "redirect"})
        mesh = istio_binding(IstioSettings())
        args = IngressGatewayArgs(namespace="entrance", routes=(), mesh=mesh, tracing=TRACING)
        return values(program, gateway_manifests(args, settings))

    found = made(late("certificate"))
    assert found == made("certificate")
    (gateway,) = [one for one in found if one["kind"] == "Gateway"]
    assert gateway["spec"]["servers"][1]["tls"]["credentialName"] == "certificate"
