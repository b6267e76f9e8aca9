"""Wires the components of a stack: the only place where they meet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_kubernetes.provider import Provider

from otel_mesh import (
    CacheAccess,
    DatabaseAccess,
    DatabaseLogin,
    Grafana,
    GrafanaArgs,
    Jaeger,
    JaegerArgs,
    LoadGenerator,
    LoadGeneratorArgs,
    LoadGeneratorSettings,
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
from otel_mesh.backends.grafana.component import PORT as GRAFANA_PORT
from otel_mesh.backends.jaeger import METRICS_PORT as JAEGER_METRICS_PORT
from otel_mesh.backends.victoria_logs import PORT as LOGS_PORT
from otel_mesh.core.labels import Annotation
from otel_mesh.k8s.workloads import CLUSTER_DOMAIN
from otel_mesh_stack import identity, outputs
from otel_mesh_stack import mesh as stack_mesh
from otel_mesh_stack import settings as stack_settings
from otel_mesh_stack.dashboards import dashboards
from otel_mesh_stack.rules import rule_files
from otel_mesh_stack.services import CATALOG, POSTGRES, REDIS, database_of, databases
from otel_mesh_stack.variables import variables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_mesh.catalog.model import Service
    from otel_mesh.mesh.istio.gateway import IngressGateway
    from otel_mesh_stack.mesh import Mesh
    from otel_mesh_stack.model import LoadSettings, StackSettings
    from otel_mesh_stack.settings import Stack


def deploy() -> None:
    """Declares all resources of the current stack.

    Raises:
        pulumi.RunError: the stack's settings are wrong; nothing was declared.
    """
    stack = stack_settings.read()
    for sentence in stack_mesh.chart_warnings(stack.settings, stack.charts_dir):
        pulumi.log.warn(sentence)
    if not stack.settings.wait:
        pulumi.runtime.register_resource_transform(_without_waiting)
    opts = pulumi.ResourceOptions(provider=_provider(stack), custom_timeouts=_timeouts(stack.settings))
    priorities = _priority_classes(stack.settings, opts)
    mesh = stack_mesh.install(stack.settings, stack.charts_dir, opts, priorities)
    observability = _namespace(stack.settings.namespaces.observability, mesh, priorities)
    shop = _namespace(stack.settings.namespaces.services, mesh, priorities)

    otlp_endpoint = _observability(stack.settings, observability, mesh)
    stack_mesh.telemetry_access(stack.settings, CATALOG, observability, mesh)
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
    doors: list[IngressGateway | Microservice] = [services[one.name] for one in CATALOG.services if one.exposed]
    if mesh.binding.gateway is not None:
        ingress = _namespace(mesh.binding.gateway.namespace, mesh, priorities)
        doors = [stack_mesh.gateway(stack, CATALOG, ingress, mesh)]
    if stack.settings.load_generator is not None:
        behind = pulumi.ResourceOptions(depends_on=[*services.values(), *doors])
        after = pulumi.ResourceOptions.merge(mesh.opts, behind)
        wired = {"namespace": shop, "target_url": doors[0].url, "otlp_endpoint": otlp_endpoint, "mesh": mesh.binding}
        _load(stack, stack.settings.load_generator, after, **wired)

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
        # empty, or the provider would take the one of the environment and refuse to have both
        where: dict[str, Any] = {"render_yaml_to_directory": str(stack.render_dir), "kubeconfig": ""}
    else:
        where = {"context": identity.recorded(stack.cluster_uid or "", cluster.context)}
    return Provider(
        "cluster",
        # only another cluster, not a renewed certificate in the kubeconfig, may ever replace what is deployed
        cluster_identifier=cluster.name,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        # the client's own throttle (5 requests a second) is what a large preview waits for
        kube_client_settings={"qps": 2000, "burst": 4000},
        **where,
    )


def _timeouts(settings: StackSettings) -> pulumi.CustomTimeouts:
    limit = f"{settings.ready_timeout_seconds}s"
    return pulumi.CustomTimeouts(create=limit, update=limit)


def _without_waiting(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Marks every Kubernetes object as one that is not waited for."""
    if not args.type_.startswith("kubernetes:") or "apiVersion" not in args.props:
        return None  # what holds the objects of a chart together is no object
    props: dict[str, Any] = dict(args.props)
    metadata = dict(props.get("metadata") or {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), Annotation.SKIP_AWAIT.value: "true"}
    return pulumi.ResourceTransformResult(props={**props, "metadata": metadata}, opts=args.opts)


def _priority_classes(settings: StackSettings, opts: pulumi.ResourceOptions) -> list[PriorityClass]:
    made = (PriorityClassSettings(name=name, **dict(one)) for name, one in settings.priority_classes.items())
    return [PriorityClass(one.name, PriorityClassArgs(settings=one), opts) for one in made]


def _namespace(name: str, mesh: Mesh, first: Sequence[PriorityClass]) -> pulumi.Output[str]:
    """The namespace's name, known when there is also everything that its pods refer to by a plain name."""
    args = NamespaceArgs(settings=NamespaceSettings(name=name), mesh=mesh.binding)
    made = Namespace(name, args, mesh.opts).namespace
    return pulumi.Output.all(made, *(one.priority_class for one in first)).apply(lambda names: str(names[0]))


def _observability(settings: StackSettings, namespace: pulumi.Output[str], mesh: Mesh) -> pulumi.Output[str]:
    """Stores of traces, logs and metrics, Grafana, the Collectors in front; returns where telemetry is sent."""
    opts = mesh.opts
    jaeger = Jaeger("jaeger", JaegerArgs(namespace=namespace, settings=settings.jaeger, mesh=mesh.binding), opts)
    kept = VictoriaLogsArgs(namespace=namespace, settings=settings.victoria_logs, mesh=mesh.binding)
    logs = VictoriaLogs("victoria-logs", kept, opts)
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
        shown = GrafanaArgs(
            namespace=namespace,
            prometheus_url=prometheus.url,
            jaeger_url=jaeger.query_url,
            logs_url=logs.url,
            dashboards=dashboards(),
            settings=settings.grafana,
            mesh=mesh.binding,
        )
        Grafana("grafana", shown, opts)
    own = {"cluster_name": settings.cluster.name}
    traces: dict[str, pulumi.Output[str]] = {"traces_endpoint": jaeger.otlp_endpoint}
    if settings.tail_sampler is not None:
        args = TailSamplerArgs(
            namespace=namespace,
            traces_endpoint=jaeger.otlp_endpoint,
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
    """What can't push its metrics: job to ``host:port``; plain, as it goes into a configuration with a checksum."""
    domain = f"{settings.namespaces.observability}.svc.{CLUSTER_DOMAIN}"
    targets = {
        "jaeger": f"{settings.jaeger.name}.{domain}:{JAEGER_METRICS_PORT}",
        "victoria-logs": f"{settings.victoria_logs.name}.{domain}:{LOGS_PORT}",
    }
    if settings.grafana is not None:
        targets["grafana"] = f"{settings.grafana.name}.{domain}:{GRAFANA_PORT}"
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


def _load(stack: Stack, own: LoadSettings, opts: pulumi.ResourceOptions, **wired: Any) -> None:  # noqa: ANN401 - of several kinds
    """The load generator, which begins when everything behind the front door is ready."""
    plain = {name: getattr(own, name) for name in own.model_fields_set - {"image"}}
    args = LoadGeneratorArgs(
        image=own.image or "",
        service_namespace=CATALOG.name,
        environment=stack.settings.environment,
        settings=LoadGeneratorSettings(**plain),
        **wired,
    )
    LoadGenerator("load-generator", args, opts)


def _service_settings(settings: StackSettings, service: Service) -> MicroserviceSettings:
    own = settings.services[service.name]
    return MicroserviceSettings(
        service=service,
        service_namespace=CATALOG.name,
        environment=settings.environment,
        **{name: getattr(own, name) for name in own.model_fields_set - {"image"}},
    )
