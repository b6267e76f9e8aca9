"""Tail sampling: the decision to keep a trace is made when the trace is complete."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import pulumi  # noqa: TC002 - a component plugin reads the annotations of the arguments

from otel_mesh.collector import parts
from otel_mesh.collector.exports import chosen
from otel_mesh.collector.parts import METRICS_ENDPOINT, TRACES_ENDPOINT, no_metrics
from otel_mesh.collector.tail_sampling import TailSamplerSettings, tail_sampling_config
from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Role
from otel_mesh.core.network import OTLP_GRPC_PORT
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.containers import ContainerPort
from otel_mesh.k8s.known import when_known
from otel_mesh.k8s.render import render
from otel_mesh.mesh.binding import MeshBinding, NoMesh

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest


@dataclass(frozen=True, kw_only=True)
class TailSamplerArgs:
    """Arguments of a `TailSampler`.

    Attributes:
        namespace: Namespace of the Kubernetes objects.
        traces_target: ``host:port`` of the trace backend's OTLP receiver (gRPC); None if ``settings.exports`` has one.
        metrics_url: Base URL of the metrics backend's OTLP receiver (HTTP), for the sampler's own metrics; None if
            ``settings.exports`` has one.
        settings: Settings, or a mapping of their fields.
        mesh: Mesh that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    traces_target: pulumi.Input[str] | None = None
    metrics_url: pulumi.Input[str] | None = None
    settings: TailSamplerSettings = field(default_factory=TailSamplerSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def tail_sampler_manifests(args: TailSamplerArgs, settings: TailSamplerSettings) -> list[Manifest]:
    """The Kubernetes objects of a sampler, dependencies first.

    Raises:
        InvalidSettingsError: Traces or metrics have no destination.
    """
    given = {TRACES_ENDPOINT: args.traces_target, METRICS_ENDPOINT: args.metrics_url}
    own = {name: value for name, value in given.items() if value is not None}
    problems = no_metrics(settings, args.metrics_url)
    if TRACES_ENDPOINT not in own and not chosen(settings.exports, ["traces"]):
        reason = "is not set, and no export has traces: there is nowhere to send what is kept"
        problems.insert(0, Problem("traces_target", reason, "set it, or export traces"))
    if problems:
        raise InvalidSettingsError(problems)
    config = when_known(
        settings,
        partial(
            tail_sampling_config,
            proxy_spans=args.mesh.proxy_spans,
            own_traces=TRACES_ENDPOINT in own,
            own_metrics=METRICS_ENDPOINT in own,
        ),
    )
    return render(
        parts.workload(
            settings,
            program="otel-sampler",
            role=Role.SAMPLER,
            namespace=args.namespace,
            mesh=args.mesh,
            config=config,
            environment=own,
            exported=("traces", "metrics"),
            # "tcp": with "grpc" a mesh would balance the calls, each of which is addressed to one pod
            ports=(ContainerPort(name="otlp-grpc", number=OTLP_GRPC_PORT, protocol="tcp"),),
            headless=True,
        )
    )


class TailSampler(Component):
    """Collectors that hold traces until they are complete and keep those with errors, slow ones and some of the rest.

    They only get the traces that services record: with a `TailSampler`, let services record everything (sampling ratio
    1) and set the share here. An `OtelCollector` whose ``sampler_host`` is the sampler's ``host_name`` sends all spans
    of a trace to the same pod.

    Attributes:
        host_name: DNS name that resolves to the sampler's pods, for `OtelCollectorArgs.sampler_host`.

    Raises:
        InvalidSettingsError: The settings are invalid, or traces or metrics have no destination.
    """

    TYPE: ClassVar[str] = "TailSampler"

    host_name: pulumi.Output[str]

    def __init__(self, name: str, args: TailSamplerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(TailSamplerSettings, args.settings)
        super().__init__(name, opts)
        self.children(tail_sampler_manifests(args, settings))
        self.host_name = self.host(settings.name, args.namespace)
        self.register_outputs({"host_name": self.host_name})
