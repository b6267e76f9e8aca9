"""Settings with Outputs: let through, validated when known, and made into files then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
import yaml

from otel_mesh import (
    ExposedBackendsArgs,
    FurtherContainer,
    GatewayBinding,
    InvalidSettingsError,
    JaegerArgs,
    JaegerSettings,
    PrometheusArgs,
    PrometheusSettings,
    SecretKey,
    TokenSettings,
    Variable,
    VolumeSettings,
)
from otel_mesh.backends.jaeger import jaeger_manifests
from otel_mesh.backends.prometheus.component import prometheus_manifests
from otel_mesh.core.errors import parse
from otel_mesh.k8s.render import render
from otel_mesh.mesh.istio.exposed_backends import exposed_manifests
from tests.components.k8s.test_workload import WORKLOAD
from tests.components.pulumi_program import known, refusal

if TYPE_CHECKING:
    from tests.components.pulumi_program import Program


def test_the_value_of_an_output_is_validated_when_it_is_known(program: Program) -> None:
    valid = SecretKey(secret=pulumi.Output.from_input("orders"), key="a").secret
    assert program.value(pulumi.Output.from_input(valid)) == "orders"


def test_a_coroutine_is_an_input_too(program: Program) -> None:
    async def found() -> str:
        return "orders"

    secret = SecretKey(secret=found(), key="a").secret
    assert program.value(pulumi.Output.from_input(secret)) == "orders"


def test_an_invalid_value_is_refused_when_it_is_known() -> None:
    def late(program: Program) -> object:
        secret = Variable(secret=pulumi.Output.from_input("Not A Name"), key="a").secret
        return program.value(pulumi.Output.from_input(secret))

    reason = "is not an object name; use at most 253 lower case letters, digits, dashes and dots"
    assert refusal(late) == f"Variable.secret: the Output's value {reason}"


def test_a_plain_value_is_validated_at_once() -> None:
    with pytest.raises(InvalidSettingsError, match="image: is not a pinned image"):
        parse(FurtherContainer, {"name": "proxy", "image": "latest"})


def test_an_output_is_one_source_like_a_plain_value(program: Program) -> None:
    secret = pulumi.Output.from_input("orders")
    found = program.value(pulumi.Output.from_input(VolumeSettings(secret=secret).source()))
    assert found == {"secret": {"secretName": "orders", "defaultMode": 0o440}}
    with pytest.raises(InvalidSettingsError, match="secret and claim are given"):
        parse(VolumeSettings, {"secret": secret, "claim": secret})
    assert program.value(pulumi.Output.from_input(parse(Variable, secret).manifest())) == {"value": "orders"}


def jaeger(program: Program, server: pulumi.Input[str]) -> dict[str, Any]:
    settings = parse(JaegerSettings, {"opensearch": {"servers": [server], "login_secret": "login"}})
    return known(program, jaeger_manifests(JaegerArgs(namespace="observability"), settings))


def test_the_address_of_a_store_reaches_the_configuration_and_its_checksum(program: Program) -> None:
    address = "https://search.example.com:9200"
    assert jaeger(program, pulumi.Output.from_input(address)) == jaeger(program, address)


def test_settings_are_checked_as_a_whole_when_their_values_are_known() -> None:
    address = "http://search.example.com:9200"
    found = refusal(lambda program: jaeger(program, pulumi.Output.from_input(address)))
    assert found == ("opensearch.login_secret: would leave the cluster unencrypted; write https:// in 'servers[0]'")


def test_a_component_s_target_is_one_of_prometheus(program: Program) -> None:
    def made(target: pulumi.Input[str]) -> dict[str, Any]:
        args = PrometheusArgs(namespace="observability", targets={"jaeger": target})
        return known(program, prometheus_manifests(args, PrometheusSettings()))

    target = "jaeger.observability.svc.cluster.local:8888"
    found = made(pulumi.Output.from_input(target))
    assert found == made(target)
    jobs = yaml.safe_load(found["ConfigMap"]["data"]["prometheus.yml"])["scrape_configs"]
    assert {"job_name": "jaeger", "static_configs": [{"targets": [target]}]} in jobs


def test_the_issuer_of_tokens_may_be_an_output(program: Program) -> None:
    def made(issuer: pulumi.Input[str], name: str | None = None) -> list[Any]:
        tokens = {"issuer": issuer, "audiences": ["ops"], "jwks_uri": "https://issuer.example.com/keys"}
        args = ExposedBackendsArgs(
            namespace="entrance",
            gateway=GatewayBinding(namespace="entrance", service="ingress", service_account="ingress", https_port=443),
            routes=(),
            tokens=parse(TokenSettings, tokens),
            name=name,
        )
        return [program.value(pulumi.Output.from_input(one)) for one in exposed_manifests(args)]

    issuer = "https://issuer.example.com"
    assert made(pulumi.Output.from_input(issuer)) == made(issuer)
    assert {one["metadata"]["name"] for one in made(issuer, "second")} == {"second"}


def test_annotations_of_the_account_may_be_outputs(program: Program) -> None:
    role = "arn:aws:iam::123456789012:role/orders"
    workload = replace(WORKLOAD, account_annotations={"eks.amazonaws.com/role-arn": pulumi.Output.from_input(role)})
    account = known(program, render(workload))["ServiceAccount"]
    assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": role}
