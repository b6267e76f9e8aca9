"""Tail sampling: which traces are kept is decided when they are whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import pulumi  # noqa: TC002 - a component plugin reads the annotations of the arguments

from otel_mesh.collector import parts
from otel_mesh.collector.parts import METRICS_ENDPOINT, TRACES_ENDPOINT
from otel_mesh.collector.tail_sampling import TailSamplerSettings, tail_sampling_config
from otel_mesh.core.component import Component
from otel_mesh.core.errors import parse
from otel_mesh.core.labels import Role
from otel_mesh.core.network import OTLP_GRPC_PORT
from otel_mesh.k8s.containers import ContainerPort
from otel_mesh.k8s.render import render
from otel_mesh.mesh.binding import MeshBinding, NoMesh

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest


@dataclass(frozen=True, kw_only=True)
class TailSamplerArgs:
    """Arguments of a `TailSampler`.

    Attributes:
        namespace: where its objects live.
        traces_endpoint: ``host:port`` that takes the traces kept by OTLP over gRPC.
        metrics_url: base URL that takes its own metrics by OTLP over HTTP.
        settings: or a mapping that becomes one.
        mesh: that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    traces_endpoint: pulumi.Input[str]
    metrics_url: pulumi.Input[str]
    settings: TailSamplerSettings = field(default_factory=TailSamplerSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def tail_sampler_manifests(args: TailSamplerArgs, settings: TailSamplerSettings) -> list[Manifest]:
    """All objects of a sampler, dependencies first."""
    return render(
        parts.workload(
            settings,
            program="otel-sampler",
            role=Role.SAMPLER,
            namespace=args.namespace,
            mesh=args.mesh,
            config=tail_sampling_config(settings, proxied=args.mesh.kind == "istio"),
            environment={TRACES_ENDPOINT: args.traces_endpoint, METRICS_ENDPOINT: args.metrics_url},
            # "tcp": with "grpc" a mesh would balance the calls, each of which is addressed to one pod
            ports=(ContainerPort(name="otlp-grpc", number=OTLP_GRPC_PORT, protocol="tcp"),),
            headless=True,
        )
    )


class TailSampler(Component):
    """Collectors that hold traces until they are whole and keep those with errors, slow ones and a share of the rest.

    They see what the services' own samplers let through: a trace that a service did not record is not there to be
    kept, whatever became of it. With a `TailSampler`, services record everything (ratio 1) and the share is set here.
    An `OtelCollector` with its ``host_name`` sends all spans of a trace to the same pod.

    Attributes:
        host_name: name whose addresses are its pods', for `OtelCollectorArgs.sampler_host`.

    Raises:
        InvalidSettingsError: the settings are wrong.
    """

    TYPE: ClassVar[str] = "TailSampler"

    host_name: pulumi.Output[str]

    def __init__(self, name: str, args: TailSamplerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(TailSamplerSettings, args.settings)
        super().__init__(name, opts)
        self.children(tail_sampler_manifests(args, settings))
        self.host_name = self.host(settings.name, args.namespace)
        self.register_outputs({"host_name": self.host_name})
