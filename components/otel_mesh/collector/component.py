"""The OpenTelemetry Collector that everything sends its telemetry to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

import pulumi

from otel_mesh.collector import parts
from otel_mesh.collector.config import SAMPLER_HOST, OtelCollectorSettings, collector_config
from otel_mesh.collector.parts import LOGS_ENDPOINT, METRICS_ENDPOINT, TRACES_ENDPOINT
from otel_mesh.collector.proxy_spans import with_proxy_spans
from otel_mesh.core.component import Component
from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Role
from otel_mesh.core.network import OTLP_GRPC_PORT, OTLP_HTTP_PORT
from otel_mesh.k8s import cluster_objects
from otel_mesh.k8s.containers import ContainerPort
from otel_mesh.k8s.render import render
from otel_mesh.mesh.binding import MeshBinding, NoMesh

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest


@dataclass(frozen=True, kw_only=True)
class OtelCollectorArgs:
    """Arguments of an `OtelCollector`.

    Attributes:
        namespace: where its objects live.
        metrics_url: base URL that takes metrics by OTLP over HTTP.
        traces_endpoint: ``host:port`` that takes traces by OTLP over gRPC; either it or ``sampler_host`` is given.
        sampler_host: name whose addresses are the pods of a `TailSampler`; all spans of a trace go to the same one.
        logs_url: the whole address that takes logs by OTLP over HTTP, as a log store's ``otlp_url`` is; without it logs
            are accepted and dropped.
        settings: or a mapping that becomes one.
        mesh: that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    metrics_url: pulumi.Input[str]
    traces_endpoint: pulumi.Input[str] | None = None
    sampler_host: pulumi.Input[str] | None = None
    logs_url: pulumi.Input[str] | None = None
    settings: OtelCollectorSettings = field(default_factory=OtelCollectorSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def _where_traces_go(args: OtelCollectorArgs) -> dict[str, pulumi.Input[str]]:
    """The one of two variables that says it.

    Raises:
        InvalidSettingsError: neither is given, or both are.
    """
    given = {TRACES_ENDPOINT: args.traces_endpoint, SAMPLER_HOST: args.sampler_host}
    found = {name: value for name, value in given.items() if value is not None}
    if len(found) != 1:
        reason = "sampler_host is given too" if found else "neither it nor sampler_host is given"
        raise InvalidSettingsError([Problem("traces_endpoint", reason, "give one of the two")])
    return found


def collector_manifests(args: OtelCollectorArgs, settings: OtelCollectorSettings) -> list[Manifest]:
    """All objects of a Collector, dependencies first."""
    traces = _where_traces_go(args)
    logs = {} if args.logs_url is None else {LOGS_ENDPOINT: args.logs_url}
    proxied = args.mesh.kind == "istio"
    config = collector_config(settings, sampled=SAMPLER_HOST in traces, logs_kept=bool(logs), proxied=proxied)
    if proxied:
        config = with_proxy_spans(config)
    workload = parts.workload(
        settings,
        program="otel-collector",
        role=Role.COLLECTOR,
        namespace=args.namespace,
        mesh=args.mesh,
        config=config,
        environment={**traces, METRICS_ENDPOINT: args.metrics_url, **logs},
        ports=(
            ContainerPort(name="otlp-grpc", number=OTLP_GRPC_PORT, protocol="grpc"),
            ContainerPort(name="otlp-http", number=OTLP_HTTP_PORT, protocol="http"),
        ),
        api_access=settings.pod_attributes,
    )
    account, *others = render(workload)
    access = cluster_objects.access(workload, _RULES) if settings.pod_attributes else []
    return [account, *access, *others]


_RULES: Final = (
    {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["get", "list", "watch"]},
)
"""What k8s_attributes needs to name a pod's namespace, Deployment and node; nothing more."""


class OtelCollector(Component):
    """Collectors that take OTLP, add what Kubernetes knows of the sender and pass it on.

    Attributes:
        otlp_grpc_url: that takes OTLP over gRPC, as OTEL_EXPORTER_OTLP_ENDPOINT wants it.
        otlp_http_url: that takes OTLP over HTTP.

    Raises:
        InvalidSettingsError: the settings are wrong.
    """

    TYPE: ClassVar[str] = "OtelCollector"

    otlp_grpc_url: pulumi.Output[str]
    otlp_http_url: pulumi.Output[str]

    def __init__(self, name: str, args: OtelCollectorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(OtelCollectorSettings, args.settings)
        manifests = collector_manifests(args, settings)
        super().__init__(name, opts)
        self.children(manifests)
        host = self.host(settings.name, args.namespace)
        self.otlp_grpc_url = pulumi.Output.concat("http://", host, f":{OTLP_GRPC_PORT}")
        self.otlp_http_url = pulumi.Output.concat("http://", host, f":{OTLP_HTTP_PORT}")
        self.register_outputs({"otlp_grpc_url": self.otlp_grpc_url, "otlp_http_url": self.otlp_http_url})
