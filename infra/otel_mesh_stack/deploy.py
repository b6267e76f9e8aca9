"""The wiring of a stack's components."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_kubernetes.provider import Provider

from otel_mesh import (
    Annotation,
    CacheAccess,
    DatabaseAccess,
    DatabaseLogin,
    Grafana,
    GrafanaArgs,
    Jaeger,
    JaegerArgs,
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
    PriorityClass,
    PriorityClassArgs,
    PriorityClassSettings,
    Prometheus,
    PrometheusArgs,
    Redis,
    RedisArgs,
    TailSampler,
    TailSamplerArgs,
    VictoriaLogs,
    VictoriaLogsArgs,
    callee_environment,
    service_edges,
    signal_matrix,
    topology,
)
from otel_mesh_stack import identity, outputs
from otel_mesh_stack import mesh as stack_mesh
from otel_mesh_stack import settings as stack_settings
from otel_mesh_stack.dashboards import dashboards
from otel_mesh_stack.load_generator import LoadGenerator, LoadGeneratorArgs, LoadGeneratorSettings
from otel_mesh_stack.rules import rule_files
from otel_mesh_stack.services import CATALOG, POSTGRES, REDIS, database_of, databases
from otel_mesh_stack.variables import variables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_mesh import IngressGateway, Service
    from otel_mesh_stack.mesh import Mesh
    from otel_mesh_stack.model import LoadSettings, StackSettings
    from otel_mesh_stack.settings import Stack


def deploy() -> None:
    """Declares all resources of the current stack.

    Raises:
        pulumi.RunError: The settings of the stack are invalid; nothing was declared.
    """
    stack = stack_settings.read()
    if not stack.settings.wait:
        pulumi.runtime.register_resource_transform(_without_waiting)
    opts = pulumi.ResourceOptions(provider=_provider(stack), custom_timeouts=_timeouts(stack.settings))
    priorities = _priority_classes(stack.settings, opts)
    mesh = stack_mesh.install(stack.settings, stack.charts_dir, opts, priorities)
    observability = _namespace(stack.settings.namespaces.observability, mesh, priorities)
    shop = _namespace(stack.settings.namespaces.services, mesh, priorities)

    otlp_endpoint = _observability(stack.settings, observability, mesh)
    stack_mesh.telemetry_access(stack.settings, CATALOG, observability, mesh)
    stack_mesh.access_control(stack.settings, CATALOG, shop, mesh)
    database = _database(stack, shop, mesh)
    cache = _cache(stack, shop, mesh)
    service_args = partial(MicroserviceArgs, namespace=shop, otlp_endpoint=otlp_endpoint, mesh=mesh.binding)
    services: dict[str, Microservice] = {}
    for service in CATALOG.services:
        args = service_args(
            image=stack.service_images[service.name],
            settings=_service_settings(stack.settings, service),
            callees={**callee_environment(CATALOG, service.name, stack.settings.namespaces.services)},
            database=_database_access(stack.settings, database, service),
            cache=_cache_access(stack.settings, cache, service),
            variables=variables_of(stack.settings, service.name),
        )
        services[service.name] = Microservice(service.name, args, mesh.opts)
    entrances: list[IngressGateway | Microservice] = [services[one.name] for one in CATALOG.services if one.exposed]
    if mesh.binding.gateway is not None:
        ingress = _namespace(mesh.binding.gateway.namespace, mesh, priorities)
        entrances = [stack_mesh.gateway(stack, CATALOG, ingress, mesh)]
    if stack.settings.load_generator is not None:
        ready = pulumi.ResourceOptions(depends_on=[*services.values(), *entrances])
        after = pulumi.ResourceOptions.merge(mesh.opts, ready)
        inputs = {"namespace": shop, "target_url": entrances[0].url, "mesh": mesh.binding}
        _load(stack, stack.settings.load_generator, after, otlp_endpoint=otlp_endpoint, **inputs)

    pulumi.export("service_urls", {name: one.url for name, one in services.items()})
    pulumi.export("otlp_endpoint", otlp_endpoint)
    pulumi.export("mesh", mesh.binding.model_dump(mode="json"))
    pulumi.export("service_edges", [list(edge) for edge in service_edges(CATALOG)])
    pulumi.export("signal_matrix", {name: one.model_dump(mode="json") for name, one in signal_matrix(CATALOG).items()})
    pulumi.export("topology", topology(CATALOG))
    pulumi.export(outputs.TELEMETRY, outputs.telemetry(stack.settings).model_dump(mode="json"))
    pulumi.export(outputs.CATALOG, CATALOG.model_dump(mode="json"))


def _provider(stack: Stack) -> Provider:
    cluster = stack.settings.cluster
    if stack.render_dir is not None:
        # empty: the provider would read the environment's kubeconfig and reject both settings together
        where: dict[str, Any] = {"render_yaml_to_directory": str(stack.render_dir), "kubeconfig": ""}
    else:
        where = {"context": identity.recorded(stack.cluster_uid or "", cluster.context)}
    return Provider(
        "cluster",
        # a renewed certificate in the kubeconfig must not replace the deployed objects
        cluster_identifier=cluster.name,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        # the client's default limit (5 requests a second) slows down large previews
        kube_client_settings={"qps": 2000, "burst": 4000},
        **where,
    )


def _timeouts(settings: StackSettings) -> pulumi.CustomTimeouts:
    limit = f"{settings.ready_timeout_seconds}s"
    return pulumi.CustomTimeouts(create=limit, update=limit)


def _without_waiting(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """A transform that disables waiting for every Kubernetes object."""
    if not args.type_.startswith("kubernetes:") or "apiVersion" not in args.props:
        return None  # the parent of a chart's objects is not an object
    props: dict[str, Any] = dict(args.props)
    metadata = dict(props.get("metadata") or {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), Annotation.SKIP_AWAIT.value: "true"}
    return pulumi.ResourceTransformResult(props={**props, "metadata": metadata}, opts=args.opts)


def _priority_classes(settings: StackSettings, opts: pulumi.ResourceOptions) -> list[PriorityClass]:
    made = (PriorityClassSettings(name=name, **dict(one)) for name, one in settings.priority_classes.items())
    return [PriorityClass(one.name, PriorityClassArgs(settings=one), opts) for one in made]


def _namespace(name: str, mesh: Mesh, first: Sequence[PriorityClass]) -> pulumi.Output[str]:
    """The name of a namespace, known once the namespace and the priority classes of its pods exist."""
    args = NamespaceArgs(settings=NamespaceSettings(name=name), mesh=mesh.binding)
    made = Namespace(name, args, mesh.opts).namespace
    return pulumi.Output.all(made, *(one.priority_class for one in first)).apply(lambda names: str(names[0]))


def _observability(settings: StackSettings, namespace: pulumi.Output[str], mesh: Mesh) -> pulumi.Output[str]:
    """Declares the telemetry backends, Grafana and the Collectors; returns the URL of the OTLP receiver."""
    opts = mesh.opts
    jaeger = Jaeger("jaeger", JaegerArgs(namespace=namespace, settings=settings.jaeger, mesh=mesh.binding), opts)
    logs_args = VictoriaLogsArgs(namespace=namespace, settings=settings.victoria_logs, mesh=mesh.binding)
    logs = VictoriaLogs("victoria-logs", logs_args, opts)
    prometheus = Prometheus(
        "prometheus",
        PrometheusArgs(
            namespace=namespace,
            targets=_scraped(settings),
            exposed=tuple(f"{CATALOG.name}/{service.name}" for service in CATALOG.services if service.exposed),
            rules=rule_files(),
            settings=settings.prometheus,
            mesh=mesh.binding,
        ),
        opts,
    )
    if settings.grafana is not None:
        grafana_args = GrafanaArgs(
            namespace=namespace,
            prometheus_url=prometheus.url,
            jaeger_url=jaeger.query_url,
            logs_url=logs.url,
            dashboards=dashboards(),
            settings=settings.grafana,
            mesh=mesh.binding,
        )
        Grafana("grafana", grafana_args, opts)
    own = {"cluster_name": settings.cluster.name}
    traces: dict[str, pulumi.Output[str]] = {"traces_target": jaeger.otlp_target}
    if settings.tail_sampler is not None:
        args = TailSamplerArgs(
            namespace=namespace,
            traces_target=jaeger.otlp_target,
            metrics_url=prometheus.otlp_url,
            settings=settings.tail_sampler.model_copy(update=own),
            mesh=mesh.binding,
        )
        traces = {"sampler_host": TailSampler("otel-sampler", args, opts).host_name}
    collector = OtelCollector(
        "otel-collector",
        OtelCollectorArgs(
            namespace=namespace,
            metrics_url=prometheus.otlp_url,
            logs_url=logs.otlp_url,
            settings=settings.collector.model_copy(update=own),
            mesh=mesh.binding,
            **traces,
        ),
        opts,
    )
    return collector.otlp_grpc_url


def _scraped(settings: StackSettings) -> dict[str, str]:
    """Targets that Prometheus scrapes: job to ``host:port``."""
    namespace = settings.namespaces.observability
    targets = {
        "jaeger": settings.jaeger.metrics_target(namespace),
        "victoria-logs": settings.victoria_logs.metrics_target(namespace),
    }
    if settings.grafana is not None:
        targets["grafana"] = settings.grafana.metrics_target(namespace)
    return targets


def _database(stack: Stack, namespace: pulumi.Output[str], mesh: Mesh) -> Postgres:
    own = stack.settings.postgres
    further = own.databases if "databases" in own.model_fields_set else ()
    settings = own.model_copy(
        update={"databases": tuple(dict.fromkeys((*databases(), *further))), "roles": stack.settings.roles}
    )
    args = PostgresArgs(
        namespace=namespace,
        password=stack.postgres_password,
        migrations_password=stack.migrations_password,
        services_password=stack.services_password,
        settings=settings,
        mesh=mesh.binding,
    )
    return Postgres(POSTGRES, args, mesh.opts)


def _database_access(settings: StackSettings, database: Postgres, service: Service) -> DatabaseAccess | None:
    if POSTGRES not in service.stores:
        return None
    return DatabaseAccess(
        host=database.host_name,
        port=CATALOG.store(POSTGRES).port,
        name=database_of(service.name),
        user=settings.roles.services,
        secret_name=settings.postgres.services_secret_name,
        migrations=DatabaseLogin(user=settings.roles.migrations, secret_name=settings.postgres.migrations_secret_name),
    )


def _cache(stack: Stack, namespace: pulumi.Output[str], mesh: Mesh) -> Redis:
    args = RedisArgs(
        namespace=namespace, password=stack.redis_password, settings=stack.settings.redis, mesh=mesh.binding
    )
    return Redis(REDIS, args, mesh.opts)


def _cache_access(settings: StackSettings, cache: Redis, service: Service) -> CacheAccess | None:
    if REDIS not in service.stores:
        return None
    return CacheAccess(
        host=cache.host_name,
        port=CATALOG.store(REDIS).port,
        user=settings.redis.user,
        secret_name=settings.redis.secret_name,
    )


def _load(stack: Stack, own: LoadSettings, opts: pulumi.ResourceOptions, **inputs: Any) -> None:  # noqa: ANN401 - of several kinds
    """Declares the load generator, which starts when the services are ready."""
    plain = {name: getattr(own, name) for name in own.model_fields_set - {"image"}}
    args = LoadGeneratorArgs(
        image=own.image or "",
        service_namespace=CATALOG.name,
        environment=stack.settings.environment,
        settings=LoadGeneratorSettings(**plain),
        **inputs,
    )
    LoadGenerator("load-generator", args, opts)


def _service_settings(settings: StackSettings, service: Service) -> MicroserviceSettings:
    own = settings.services[service.name]
    return MicroserviceSettings(
        service=service,
        service_namespace=CATALOG.name,
        environment=settings.environment,
        **{name: getattr(own, name) for name in own.model_fields_set - {"image", "callers"}},
    )
