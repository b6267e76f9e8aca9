"""The OpenTelemetry Collector that receives the telemetry of all services."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

import pulumi

from otel_mesh.collector import parts
from otel_mesh.collector.config import SAMPLER_HOST, OtelCollectorSettings, collector_config
from otel_mesh.collector.exports import SIGNALS, chosen
from otel_mesh.collector.parts import LOGS_ENDPOINT, METRICS_ENDPOINT, TRACES_ENDPOINT, no_metrics
from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Role
from otel_mesh.core.network import OTLP_GRPC_PORT, OTLP_HTTP_PORT
from otel_mesh.k8s import cluster_objects
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.containers import ContainerPort
from otel_mesh.k8s.known import when_known
from otel_mesh.k8s.render import render
from otel_mesh.mesh.binding import MeshBinding, NoMesh

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest


@dataclass(frozen=True, kw_only=True)
class OtelCollectorArgs:
    """Arguments of an `OtelCollector`.

    Attributes:
        namespace: Namespace of the Kubernetes objects.
        metrics_url: Base URL of the metrics backend's OTLP receiver (HTTP); None if ``settings.exports`` has one.
        traces_target: ``host:port`` of the trace backend's OTLP receiver (gRPC); exclusive with ``sampler_host``. None
            if ``settings.exports`` has one.
        sampler_host: DNS name that resolves to the pods of a `TailSampler`; all spans of a trace go to the same pod.
        logs_url: Complete URL of the log backend's OTLP receiver (HTTP), such as `VictoriaLogs.otlp_url`. Without it
            and without an export of logs, logs are accepted and dropped.
        settings: Settings, or a mapping of their fields.
        mesh: Mesh that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    metrics_url: pulumi.Input[str] | None = None
    traces_target: pulumi.Input[str] | None = None
    sampler_host: pulumi.Input[str] | None = None
    logs_url: pulumi.Input[str] | None = None
    settings: OtelCollectorSettings = field(default_factory=OtelCollectorSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def _destinations(args: OtelCollectorArgs, settings: OtelCollectorSettings) -> dict[str, pulumi.Input[str]]:
    """The environment variables of the stack's own backends.

    Raises:
        InvalidSettingsError: Traces or metrics have no destination, or traces have two.
    """
    given = {
        TRACES_ENDPOINT: args.traces_target,
        SAMPLER_HOST: args.sampler_host,
        METRICS_ENDPOINT: args.metrics_url,
        LOGS_ENDPOINT: args.logs_url,
    }
    found = {name: value for name, value in given.items() if value is not None}
    problems = []
    if {TRACES_ENDPOINT, SAMPLER_HOST} <= set(found):
        problems.append(Problem("traces_target", "sampler_host is set too", "set one of the two"))
    if not {TRACES_ENDPOINT, SAMPLER_HOST} & set(found) and not chosen(settings.exports, ["traces"]):
        reason = "neither traces_target nor sampler_host is set"
        problems.append(Problem("traces_target", reason, "set one of the two, or export traces"))
    if not settings.traces_only:
        problems += no_metrics(settings, args.metrics_url)
    elif args.metrics_url is not None or chosen(settings.exports, ["metrics"]):
        reason = "drops metrics, but they have a destination"
        problems.append(Problem("traces_only", reason, "remove it, or metrics_url and the exports of metrics"))
    if problems:
        raise InvalidSettingsError(problems)
    return found


def collector_manifests(args: OtelCollectorArgs, settings: OtelCollectorSettings) -> list[Manifest]:
    """The Kubernetes objects of a Collector, dependencies first."""
    own = _destinations(args, settings)
    sampled = SAMPLER_HOST in own
    config = when_known(
        settings,
        partial(
            collector_config,
            sampled=sampled,
            proxy_spans=args.mesh.proxy_spans,
            traces=TRACES_ENDPOINT in own,
            metrics=METRICS_ENDPOINT in own,
            logs=LOGS_ENDPOINT in own,
        ),
    )
    workload = parts.workload(
        settings,
        program="otel-collector",
        role=Role.COLLECTOR,
        namespace=args.namespace,
        mesh=args.mesh,
        config=config,
        environment=own,
        exported=("metrics", "logs") if sampled else SIGNALS,
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
"""Rights that the processor k8s_attributes needs to find a pod's namespace, Deployment and node."""


class OtelCollector(Component):
    """Collectors that receive OTLP, add the sender's Kubernetes attributes and forward the data.

    Attributes:
        otlp_grpc_url: URL of the OTLP receiver (gRPC), a value for OTEL_EXPORTER_OTLP_ENDPOINT.
        otlp_http_url: URL of the OTLP receiver (HTTP).

    Raises:
        InvalidSettingsError: The settings are invalid, or traces or metrics have no destination.
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
