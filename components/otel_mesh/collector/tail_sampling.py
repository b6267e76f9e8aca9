"""Settings of the Collectors that decide which traces are kept, and their configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from otel_mesh.collector.parts import (
    ANY,
    CollectorProgram,
    add_service_graph,
    empty_config,
    exporters_of,
    memory_limiter,
    to_trace_backend,
)
from otel_mesh.collector.pipelines import Connector, Pipeline, Processor, Receiver
from otel_mesh.core.network import OTLP_GRPC_PORT
from otel_mesh.core.values import DnsLabel, Percentage  # noqa: TC001 - pydantic reads them at run time
from otel_mesh.k8s.resources import Resources

if TYPE_CHECKING:
    from otel_mesh.mesh.binding import ProxySpans

_DECISIONS_PER_TRACE: Final = 5
"""Number of decisions remembered for every trace in memory: late spans follow the decision on their trace."""


class TailSamplerSettings(CollectorProgram):
    """Settings of a `TailSampler`, beside those of every `CollectorProgram`.

    Attributes:
        name: Name of the Kubernetes objects.
        resources: Resource requests and limits of each container.
        decision_wait_seconds: Time between a trace's first span and the decision. It has to cover the longest request
            that matters, the services' batches (5 s by default) and the first Collectors' (0.5 s).
        num_traces: Number of traces that each pod holds in memory: new traces a second times
            ``decision_wait_seconds``. Beyond it the oldest traces are dropped undecided, which an alert reports.
        threshold_ms: Duration in milliseconds above which every trace is kept.
        sampling_percentage: Share of the traces without errors and below the threshold that are kept, in percent.
        meshed: Whether the pods join the mesh. They do not by default, like the trace backend behind them.
        trace_bytes: Size in bytes above which a trace is dropped, so that one trace cannot take all memory. An alert
            reports it.
    """

    name: DnsLabel = "otel-sampler"
    resources: Resources = Resources(cpu="100m", memory="256Mi", memory_limit="1Gi")
    decision_wait_seconds: int = Field(default=10, ge=1, le=300)
    num_traces: int = Field(default=20_000, ge=100, le=10_000_000)
    threshold_ms: int = Field(default=1000, ge=1, le=3_600_000)
    sampling_percentage: Percentage = 10.0
    trace_bytes: int = Field(default=5_000_000, ge=10_000, le=1_000_000_000)
    meshed: bool = False


_OTLP: Final = Receiver("otlp", {"protocols": {"grpc": {"endpoint": f"{ANY}:{OTLP_GRPC_PORT}"}}})

_RECEIVED: Final = Connector("forward/whole")
"""Forwards the received batches after the memory limiter, so that a batch is accepted or refused as a whole."""


def _tail_sampling(settings: TailSamplerSettings) -> Processor:
    remembered = _DECISIONS_PER_TRACE * settings.num_traces
    return Processor(
        "tail_sampling",
        {
            "decision_wait": f"{settings.decision_wait_seconds}s",
            "num_traces": settings.num_traces,
            "maximum_trace_size_bytes": settings.trace_bytes,
            "decision_cache": {"sampled_cache_size": remembered, "non_sampled_cache_size": remembered},
            # a trace is kept when one of the policies keeps it
            "policies": [
                {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
                {"name": "slow", "type": "latency", "latency": {"threshold_ms": settings.threshold_ms}},
                {
                    "name": "ordinary",
                    "type": "probabilistic",
                    "probabilistic": {"sampling_percentage": settings.sampling_percentage},
                },
            ],
        },
    )


def tail_sampling_config(
    settings: TailSamplerSettings, *, proxy_spans: ProxySpans = "", own_traces: bool = True, own_metrics: bool = True
) -> dict[str, Any]:
    """The program's configuration (``otelcol validate`` reads it in a test).

    The Collector that received a span first has added the sender's Kubernetes attributes. The service graph is counted
    here, from whole traces and before any trace is dropped.

    Args:
        settings: Settings of the sampler.
        proxy_spans: Kind of the mesh's proxies, if they make spans of the services' calls; else empty.
        own_traces: Whether traces go to the backend at ``TRACES_ENDPOINT``.
        own_metrics: Whether metrics go to the backend at ``METRICS_ENDPOINT``.
    """
    kept = exporters_of(settings, "traces", to_trace_backend(settings) if own_traces else None)
    config = empty_config(settings, own_metrics=own_metrics)
    config.add(
        {
            "traces": Pipeline(sources=(_OTLP,), processors=(memory_limiter(settings),), destinations=(_RECEIVED,)),
            "traces/sampled": Pipeline(sources=(_RECEIVED,), processors=(_tail_sampling(settings),), destinations=kept),
        }
    )
    add_service_graph(config, settings, proxy_spans=proxy_spans, own_metrics=own_metrics)
    return config.render()
