"""Components as resources: type tokens, children, options and outputs, without an engine.

What an engine adds (parents, replacement, real previews) is shown in tests/engine.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from otel_mesh import (
    CacheAccess,
    DatabaseAccess,
    DatabaseRoles,
    Grafana,
    GrafanaArgs,
    GrafanaSettings,
    InvalidSettingsError,
    Jaeger,
    JaegerArgs,
    JaegerSettings,
    Microservice,
    MicroserviceArgs,
    MicroserviceSettings,
    Namespace,
    NamespaceArgs,
    NamespaceSettings,
    OtelCollector,
    OtelCollectorArgs,
    Postgres,
    PostgresArgs,
    PostgresSettings,
    Prometheus,
    PrometheusArgs,
    Redis,
    RedisArgs,
    RedisSettings,
    TailSampler,
    TailSamplerArgs,
    VictoriaLogs,
    VictoriaLogsArgs,
    VictoriaLogsSettings,
)
from tests.components.scenarios import GRPC_SERVICE, MESH, PERSISTENT, SERVICE

if TYPE_CHECKING:
    from tests.components.pulumi_program import Program


def test_jaeger(program: Program) -> None:
    jaeger = Jaeger("traces", JaegerArgs(namespace="ns", settings=JaegerSettings(name="store")))
    assert jaeger.pulumi_resource_type == "otel-mesh:index:Jaeger"
    assert program.value(jaeger.otlp_target) == "store.ns.svc.cluster.local:4317"
    assert program.value(jaeger.query_url) == "http://store.ns.svc.cluster.local:16686"
    assert program.value(jaeger.metrics_target) == "store.ns.svc.cluster.local:8888"
    assert program.kinds() == ["ConfigMap", "Deployment", "Jaeger", "Service", "ServiceAccount"]
    assert {one.name for one in program.mocks.registered} == {"traces", "traces-store"}


def test_prometheus(program: Program) -> None:
    prometheus = Prometheus("metrics", PrometheusArgs(namespace=pulumi.Output.from_input("ns")))
    assert program.value(prometheus.url) == "http://prometheus.ns.svc.cluster.local:9090"
    assert program.value(prometheus.otlp_url) == "http://prometheus.ns.svc.cluster.local:9090/api/v1/otlp"
    assert program.kinds() == ["ConfigMap", "Deployment", "Prometheus", "Service", "ServiceAccount"]


def test_prometheus_in_a_mesh_may_list_pods(program: Program) -> None:
    Prometheus("metrics", PrometheusArgs(namespace=pulumi.Output.from_input("ns"), mesh=MESH))
    assert {"ClusterRole", "ClusterRoleBinding"} < set(program.kinds())
    role = next(one for one in program.mocks.registered if one.typ.endswith(":ClusterRole"))
    assert role.inputs["metadata"]["name"] == "otel-mesh:ns:prometheus"
    assert role.inputs["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]


def test_victoria_logs(program: Program) -> None:
    settings = VictoriaLogsSettings(name="lines", storage=PERSISTENT)
    logs = VictoriaLogs("logs", VictoriaLogsArgs(namespace=pulumi.Output.from_input("ns"), settings=settings))
    assert program.value(logs.url) == "http://lines.ns.svc.cluster.local:9428"
    assert program.value(logs.otlp_url) == (
        "http://lines.ns.svc.cluster.local:9428/insert/opentelemetry/v1/logs?_stream_fields=service.namespace,"
        "service.name,deployment.environment.name,k8s.cluster.name,k8s.namespace.name"
    )
    assert program.value(logs.metrics_target) == "lines.ns.svc.cluster.local:9428"
    assert program.kinds() == [
        "Deployment",
        "PersistentVolumeClaim",
        "Service",
        "ServiceAccount",
        "VictoriaLogs",
    ]


def test_collector(program: Program) -> None:
    args = OtelCollectorArgs(
        namespace=pulumi.Output.from_input("ns"), traces_target="jaeger:4317", metrics_url="http://prometheus:9090"
    )
    collector = OtelCollector("collector", args)
    assert program.value(collector.otlp_grpc_url) == "http://otel-collector.ns.svc.cluster.local:4317"
    assert program.value(collector.otlp_http_url) == "http://otel-collector.ns.svc.cluster.local:4318"
    assert program.kinds() == [
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "Deployment",
        "OtelCollector",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    ]
    role = next(one for one in program.mocks.registered if one.typ.endswith(":ClusterRole"))
    assert role.inputs["metadata"]["name"] == "otel-mesh:ns:otel-collector"


def test_tail_sampler(program: Program) -> None:
    args = TailSamplerArgs(namespace="ns", traces_target="jaeger:4317", metrics_url="http://prometheus:9090")
    sampler = TailSampler("sampler", args)
    assert program.value(sampler.host_name) == "otel-sampler.ns.svc.cluster.local"
    OtelCollector("collector", replace(COLLECTOR, sampler_host=sampler.host_name))
    program.kinds()
    services = [one for one in program.mocks.registered if one.typ.endswith(":Service")]
    addresses = {one.name: one.inputs["spec"].get("clusterIP") for one in services}
    assert addresses == {"sampler-otel-sampler": "None", "collector-otel-collector": None}


GRAFANA = GrafanaArgs(namespace="ns", prometheus_url="http://prometheus:9090", jaeger_url="http://jaeger:16686")


def test_grafana_keeps_its_password_secret(program: Program) -> None:
    grafana = Grafana("page", replace(GRAFANA, admin_password=pulumi.Output.secret("hush")))
    assert program.value(grafana.url) == "http://grafana.ns.svc.cluster.local:3000"
    assert program.value(grafana.metrics_target) == "grafana.ns.svc.cluster.local:3000"
    assert program.value(grafana.secret_name) == "grafana-credentials"
    assert program.kinds() == ["ConfigMap", "Deployment", "Grafana", "Secret", "Service", "ServiceAccount"]
    others = [one.inputs for one in program.mocks.registered if not one.typ.endswith(":Secret")]
    assert "hush" not in repr(others)


def test_grafana_with_an_existing_secret_creates_none(program: Program) -> None:
    settings = GrafanaSettings(existing_secret="given")  # noqa: S106 - the Secret's name
    grafana = Grafana("page", replace(GRAFANA, settings=settings))
    assert program.value(grafana.secret_name) == "given"
    assert "Secret" not in program.kinds()


def test_grafana_needs_exactly_one_password(program: Program) -> None:
    settings = GrafanaSettings(existing_secret="given")  # noqa: S106 - the Secret's name
    for args in (GRAFANA, replace(GRAFANA, settings=settings, admin_password="hush")):  # noqa: S106 - a test's
        with pytest.raises(InvalidSettingsError, match="give either a password or an existing Secret"):
            Grafana("page", args)
    assert program.kinds() == []


COLLECTOR = OtelCollectorArgs(namespace="ns", metrics_url="http://prometheus:9090")


@pytest.mark.parametrize("given", [{}, {"traces_target": "jaeger:4317", "sampler_host": "sampler"}])
def test_a_collector_sends_traces_to_one_destination(program: Program, given: dict[str, Any]) -> None:
    args = replace(COLLECTOR, **given)
    with pytest.raises(InvalidSettingsError, match="set one of the two"):
        OtelCollector("collector", args)
    assert program.kinds() == []


def test_postgres_keeps_its_password_secret(program: Program) -> None:
    postgres = Postgres("db", PostgresArgs(namespace="ns", password=pulumi.Output.secret("hush")))
    assert program.value(postgres.host_name) == "postgres.ns.svc.cluster.local"
    assert program.value(postgres.secret_name) == "postgres-credentials"
    assert program.kinds() == [
        "ConfigMap",
        "PersistentVolumeClaim",
        "Postgres",
        "Secret",
        "Service",
        "ServiceAccount",
        "StatefulSet",
    ]
    others = [one.inputs for one in program.mocks.registered if not one.typ.endswith(":Secret")]
    assert "hush" not in repr(others)


def test_postgres_with_an_existing_secret_creates_none(program: Program) -> None:
    settings = PostgresSettings(existing_secret="given")  # noqa: S106 - the Secret's name
    postgres = Postgres("db", PostgresArgs(namespace="ns", settings=settings))
    assert program.value(postgres.secret_name) == "given"
    assert "Secret" not in program.kinds()


def test_redis_keeps_its_password_secret(program: Program) -> None:
    redis = Redis("cache", RedisArgs(namespace="ns", password=pulumi.Output.secret("hush")))
    assert program.value(redis.host_name) == "redis.ns.svc.cluster.local"
    assert program.value(redis.secret_name) == "redis-credentials"
    assert program.kinds() == [
        "ConfigMap",
        "Deployment",
        "Redis",
        "Secret",
        "Service",
        "ServiceAccount",
    ]
    others = [one.inputs for one in program.mocks.registered if not one.typ.endswith(":Secret")]
    assert "hush" not in repr(others)


@pytest.mark.parametrize(
    "args",
    [
        RedisArgs(namespace="ns"),
        RedisArgs(
            namespace="ns",
            password="hush",  # noqa: S106 - a test's
            settings=RedisSettings(existing_secret="given"),  # noqa: S106 - the Secret's name
        ),
    ],
    ids=["none", "two"],
)
def test_redis_needs_exactly_one_password(program: Program, args: RedisArgs) -> None:
    with pytest.raises(InvalidSettingsError, match="give either a password or an existing Secret"):
        Redis("cache", args)
    assert program.kinds() == []


@pytest.mark.parametrize(
    "args",
    [
        PostgresArgs(namespace="ns"),
        PostgresArgs(
            namespace="ns",
            password="hush",  # noqa: S106 - a test's
            settings=PostgresSettings(existing_secret="given"),  # noqa: S106 - the Secret's name
        ),
    ],
    ids=["none", "two"],
)
def test_postgres_needs_exactly_one_password(program: Program, args: PostgresArgs) -> None:
    with pytest.raises(InvalidSettingsError, match="give either a password or an existing Secret"):
        Postgres("db", args)
    assert program.kinds() == []


ROLES = PostgresSettings(roles=DatabaseRoles())


def test_postgres_keeps_the_passwords_of_its_roles_secret(program: Program) -> None:
    args = PostgresArgs(
        namespace="ns",
        password=pulumi.Output.secret("hush"),
        migrations_password=pulumi.Output.secret("hush"),
        services_password=pulumi.Output.secret("hush"),
        settings=ROLES,
    )
    Postgres("db", args)
    assert program.kinds().count("Secret") == 3
    assert [one.name for one in program.mocks.registered if one.typ.endswith(":Secret")] == [
        "db-postgres-credentials",
        "db-postgres-credentials-migrations",
        "db-postgres-credentials-services",
    ]
    others = [one.inputs for one in program.mocks.registered if not one.typ.endswith(":Secret")]
    assert "hush" not in repr(others)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (PostgresArgs(namespace="ns", password="a", migrations_password="b", settings=ROLES), "is missing"),  # noqa: S106 - a test's
        (PostgresArgs(namespace="ns", password="a", services_password="b"), "passwords without roles"),  # noqa: S106 - a test's
    ],
)
def test_roles_and_passwords_must_match(program: Program, args: PostgresArgs, reason: str) -> None:
    with pytest.raises(InvalidSettingsError, match=reason):
        Postgres("db", args)
    assert program.kinds() == []


def test_a_variable_cannot_replace_one_of_the_component(program: Program) -> None:
    def make(**variables: str) -> None:
        args = MicroserviceArgs(
            namespace="ns",
            image="registry.example/user-service:1",
            otlp_endpoint="http://otel-collector.ns.svc.cluster.local:4317",
            settings=MicroserviceSettings(service=SERVICE, service_namespace="shop", environment="test"),
            variables={**variables},
        )
        Microservice("users", args)

    with pytest.raises(InvalidSettingsError, match="variables.PORT: is set by the component; remove it"):
        make(PORT="1", SWITCH="on")
    assert program.kinds() == []
    make(SWITCH="on")
    program.kinds()
    deployment = next(one for one in program.mocks.registered if one.typ.endswith(":Deployment"))
    (container,) = deployment.inputs["spec"]["template"]["spec"]["containers"]
    assert {"name": "SWITCH", "value": "on"} in container["env"]


def test_microservice(program: Program) -> None:
    service = Microservice(
        "users",
        MicroserviceArgs(
            namespace="ns",
            image=pulumi.Output.from_input("registry.example/user-service:1"),
            otlp_endpoint="http://otel-collector.ns.svc.cluster.local:4317",
            settings=MicroserviceSettings(service=SERVICE, service_namespace="shop", environment="test"),
        ),
    )
    assert program.value(service.url) == "http://user-service.ns.svc.cluster.local:8081"
    assert program.value(service.service_account) == "user-service"
    assert program.kinds() == ["Deployment", "Microservice", "PodDisruptionBudget", "Service", "ServiceAccount"]
    deployment = next(one for one in program.mocks.registered if one.typ.endswith(":Deployment"))
    (container,) = deployment.inputs["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/user-service:1"


def test_a_grpc_microservice_has_a_grpc_address(program: Program) -> None:
    service = Microservice(
        "users",
        MicroserviceArgs(
            namespace="ns",
            image="registry.example/user-service:1",
            otlp_endpoint="http://otel-collector.ns.svc.cluster.local:4317",
            settings=MicroserviceSettings(service=GRPC_SERVICE, service_namespace="shop", environment="test"),
        ),
    )
    assert program.value(service.url) == "dns:///user-service.ns.svc.cluster.local:8081"
    program.kinds()
    deployment = next(one for one in program.mocks.registered if one.typ.endswith(":Deployment"))
    (container,) = deployment.inputs["spec"]["template"]["spec"]["containers"]
    asked = {kind: container[f"{kind}Probe"]["grpc"] for kind in ("startup", "liveness", "readiness")}
    alive, ready = ({"port": 8081, "service": service} for service in ("liveness", "readiness"))
    assert asked == {"startup": alive, "liveness": alive, "readiness": ready}


def test_a_namespace_is_an_output_to_wait_for(program: Program) -> None:
    namespace = Namespace("shop", NamespaceArgs(settings=NamespaceSettings(name="shop")))
    assert program.value(namespace.namespace) == "shop"
    assert program.kinds() == ["Namespace", "Namespace"]


def test_settings_may_be_a_mapping(program: Program) -> None:
    args = JaegerArgs(namespace="ns", settings={"name": "store"})  # type: ignore[arg-type]
    assert program.value(Jaeger("traces", args).otlp_target) == "store.ns.svc.cluster.local:4317"


def test_invalid_settings_register_nothing(program: Program) -> None:
    args = JaegerArgs(namespace="ns", settings={"max_trace": 1})  # type: ignore[arg-type]
    with pytest.raises(InvalidSettingsError, match="max_trace: unknown key; did you mean 'max_traces'"):
        Jaeger("traces", args)
    assert program.kinds() == []


def test_what_the_stores_return_fits_a_service_of_the_same_program(program: Program) -> None:
    """Host and Secret of each store are outputs, which are known only when the store exists."""
    database = Postgres("db", PostgresArgs(namespace="ns", password="x"))  # noqa: S106 - a test's
    cache = Redis("cache", RedisArgs(namespace="ns", password="x"))  # noqa: S106 - the same
    args = MicroserviceArgs(
        namespace="ns",
        image=pulumi.Output.from_input("registry.example/user-service:1"),
        settings=MicroserviceSettings(service=GRPC_SERVICE, service_namespace="shop", environment="test"),
        database=DatabaseAccess(
            host=database.host_name, port=5432, name="app", user="app", secret_name=database.secret_name
        ),
        cache=CacheAccess(host=cache.host_name, port=6379, user="app", secret_name=cache.secret_name),
    )
    Microservice("user", args)
    program.kinds()
    (pod,) = (
        one.inputs["spec"]["template"]["spec"]
        for one in program.mocks.registered
        if one.typ.endswith(":Deployment") and one.inputs["metadata"]["name"] == "user-service"
    )
    (container,) = pod["containers"]
    variables = {one["name"]: one.get("value") for one in container["env"]}
    mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    secrets = {one["name"]: one["secret"]["secretName"] for one in pod["volumes"] if "secret" in one}
    assert secrets == {"database": "postgres-credentials", "cache": "redis-credentials"}
    assert variables["DATABASE_HOST"] == "postgres.ns.svc.cluster.local"
    for prefix, volume in (("DATABASE", "database"), ("REDIS", "cache")):
        assert variables[f"{prefix}_PASSWORD_FILE"] == f"{mounts[volume]}/password"
