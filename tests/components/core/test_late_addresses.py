"""Addresses, and Secrets as Outputs: the objects are those of the plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_mesh import (
    AlertmanagerAddress,
    AlertmanagerArgs,
    AlertmanagerSettings,
    Export,
    GrafanaArgs,
    GrafanaSettings,
    InvalidSettingsError,
    OtelCollectorArgs,
    OtelCollectorSettings,
    PostgresArgs,
    PostgresSettings,
    PrometheusArgs,
    PrometheusSettings,
    RedisArgs,
    RedisSettings,
    TailSamplerArgs,
    TailSamplerSettings,
    parse,
)
from otel_mesh.backends.alertmanager import alertmanager_manifests
from otel_mesh.backends.grafana.component import grafana_manifests
from otel_mesh.backends.prometheus.component import prometheus_manifests
from otel_mesh.collector.component import collector_manifests
from otel_mesh.collector.tail_sampler import tail_sampler_manifests
from otel_mesh.services.postgres import postgres_manifests
from otel_mesh.services.redis import redis_manifests
from tests.components.pulumi_program import Program, event_loop, late, refusal, values

if TYPE_CHECKING:
    from collections.abc import Callable

    import pulumi

    from otel_mesh.k8s.manifests import Manifest

TOKEN = {"secret": "vendor", "key": "token"}
JAEGER = "jaeger:4317"
PROMETHEUS = "http://prometheus:9090/api/v1/otlp"


def collector(address: pulumi.Input[str], protocol: str = "grpc") -> list[Manifest]:
    export = {"endpoint": address, "protocol": protocol, "headers": {"authorization": TOKEN}}
    settings = parse(OtelCollectorSettings, {"exports": {"vendor": export}})
    return collector_manifests(
        OtelCollectorArgs(namespace="telemetry", traces_target=JAEGER, metrics_url=PROMETHEUS), settings
    )


def sampler(address: pulumi.Input[str]) -> list[Manifest]:
    settings = TailSamplerSettings(exports={"vendor": Export(endpoint=address, signals=("traces",))})
    return tail_sampler_manifests(
        TailSamplerArgs(namespace="telemetry", traces_target=JAEGER, metrics_url=PROMETHEUS), settings
    )


def remote_write(address: pulumi.Input[str]) -> list[Manifest]:
    receiver = {"endpoint": address, "basic_auth": "login"}
    settings = parse(PrometheusSettings, {"remote_write": {"vendor": receiver}})
    return prometheus_manifests(PrometheusArgs(namespace="telemetry"), settings)


def alerting(address: pulumi.Input[str]) -> list[Manifest]:
    alertmanager = AlertmanagerAddress(endpoint=address, bearer_token=TOKEN)
    return prometheus_manifests(PrometheusArgs(namespace="telemetry", alertmanager=alertmanager), PrometheusSettings())


def mail(server: pulumi.Input[str]) -> list[Manifest]:
    password = {"secret": "mail", "key": "password"}
    email = {
        "to": ["a@example.com"],
        "sender": "b@example.com",
        "server": server,
        "username": "b",
        "password": password,
    }
    settings = {"receivers": {"team": {"email": {**email, "require_tls": False}}}, "default_receiver": "team"}
    return alertmanager_manifests(AlertmanagerArgs(namespace="telemetry"), parse(AlertmanagerSettings, settings))


@pytest.mark.parametrize(
    ("make", "address"),
    [
        (collector, "https://otlp.example.com:4317"),
        (lambda address: collector(address, "http"), "https://otlp.example.com/tenant"),
        (collector, "http://otlp.vendor.svc:4317"),  # without TLS, of which the configuration has to say so
        (sampler, "https://otlp.example.com:4317"),
        (remote_write, "https://metrics.example.com/api/v1/write"),
        (alerting, "https://alerts.example.com/tenant"),
        (mail, "relay.mail.svc:25"),
    ],
)
def test_an_address_reaches_the_configuration_and_its_checksum(
    program: Program, make: Callable[[pulumi.Input[str]], list[Manifest]], address: str
) -> None:
    assert values(program, make(late(address))) == make(address)


@pytest.mark.parametrize(
    ("make", "address", "error"),
    [
        (
            collector,
            "https://otlp.example.com",
            (
                "exports.vendor.endpoint: names no port, which OTLP over gRPC requires; add it, such as"
                " https://otlp.example.com:4317, or set protocol to http"
            ),
        ),
        (
            collector,
            "http://otlp.example.com:4317",
            "exports.vendor.headers: would leave the cluster unencrypted; write https:// in 'endpoint'",
        ),
        (
            remote_write,
            "http://metrics.example.com/api/v1/write",
            "remote_write.vendor.basic_auth: would leave the cluster unencrypted; write https:// in 'endpoint'",
        ),
        (
            alerting,
            "http://alerts.example.com",
            "alertmanager.bearer_token: would leave the cluster unencrypted; write https:// in 'endpoint'",
        ),
        (
            mail,
            "relay.example.com:587",
            "receivers.team.email.password: would leave the cluster unencrypted; set require_tls",
        ),
        (
            alerting,
            "alerts.example.com",
            (
                "AlertmanagerAddress.endpoint: the Output's value is not a URL; write one such as https://backend.example.com:4317,"
                " without a login or a query"
            ),
        ),
    ],
)
def test_an_address_that_does_not_fit_is_refused_when_it_is_known(
    make: Callable[[pulumi.Input[str]], list[Manifest]], address: str, error: str
) -> None:
    assert refusal(lambda program: values(program, make(late(address)))) == error


def test_an_address_has_no_host_before_it_is_known() -> None:
    with event_loop() as loop:
        Program(loop)
        export = Export(endpoint=late("https://otlp.example.com:4317"))
        with pytest.raises(InvalidSettingsError, match=r"^endpoint: is an Output: .*; write host and port where"):
            _ = export.port


def postgres(secret: pulumi.Input[str]) -> list[Manifest]:
    settings = parse(PostgresSettings, {"existing_secret": secret, "roles": {}})
    return postgres_manifests(PostgresArgs(namespace="shop"), settings)


def redis(secret: pulumi.Input[str]) -> list[Manifest]:
    return redis_manifests(RedisArgs(namespace="shop"), RedisSettings(existing_secret=secret))


def grafana(secret: pulumi.Input[str]) -> list[Manifest]:
    args = GrafanaArgs(namespace="shop", prometheus_url="http://prometheus:9090", jaeger_url="http://jaeger:16686")
    return grafana_manifests(args, GrafanaSettings(existing_secret=secret))


@pytest.mark.parametrize(
    ("make", "secrets"),
    [
        (postgres, {"given", "given-migrations", "given-services"}),
        (redis, {"given"}),
        (grafana, {"given"}),
    ],
)
def test_a_secret_of_another_component_is_mounted(
    program: Program, make: Callable[[pulumi.Input[str]], list[Manifest]], secrets: set[str]
) -> None:
    made = values(program, make(late("given")))
    assert not [one for one in made if one["kind"] == "Secret"]
    (pod,) = [one["spec"]["template"]["spec"] for one in made if "template" in one.get("spec", {})]
    volumes = {one["name"]: one["secret"]["secretName"] for one in pod["volumes"] if "secret" in one}
    assert set(volumes.values()) == secrets
    (container,) = pod["containers"]
    mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    read = str([made, container])
    for name in volumes:  # the program reads the file where the volume is
        assert f"{mounts[name]}/password" in read
