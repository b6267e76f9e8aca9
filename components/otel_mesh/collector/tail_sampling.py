"""Settings of the Collectors that decide which traces are kept, and their configuration."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from otel_mesh.collector.parts import (
    ANY,
    TRACES_ENDPOINT,
    CollectorProgram,
    counting_calls,
    exporting,
    health_check,
    memory_limiter,
    own_telemetry,
    to_metric_store,
)
from otel_mesh.core.network import OTLP_GRPC_PORT
from otel_mesh.core.values import DnsLabel, Ratio  # noqa: TC001 - pydantic reads them at run time
from otel_mesh.k8s.resources import Resources

_DECISIONS_PER_TRACE: Final = 5
"""How many decisions are remembered for every trace held: spans that come after theirs follow it."""


class TailSamplerSettings(CollectorProgram):
    """Settings of a `TailSampler`, beside those of every `CollectorProgram`.

    Attributes:
        decision_wait_seconds: between a trace's first span and its decision; must cover what lies between a trace's
            first and last span to arrive: the longest request that matters, the services' batches (5 s by default)
            and the first Collectors' (0.5 s).
        traces: held in memory by each pod at most, i.e. new traces a second times ``decision_wait_seconds``; above it
            the oldest are dropped undecided, which is counted and alerted.
        slow_ms: traces that took longer are kept, all of them.
        ordinary_ratio: share of the traces that are kept although they are neither slow nor in error.
        meshed: whether its pods join the mesh. Not by default, as the trace store that it is in front of.
        trace_bytes: a larger trace is dropped, which is counted and alerted, so that one cannot take all memory.
    """

    name: DnsLabel = "otel-sampler"
    resources: Resources = Resources(cpu="100m", memory="256Mi", memory_limit="1Gi")
    decision_wait_seconds: int = Field(default=10, ge=1, le=300)
    traces: int = Field(default=20_000, ge=100, le=10_000_000)
    slow_ms: int = Field(default=1000, ge=1, le=3_600_000)
    ordinary_ratio: Ratio = 0.1
    trace_bytes: int = Field(default=5_000_000, ge=10_000, le=1_000_000_000)
    meshed: bool = False


def _decision(settings: TailSamplerSettings) -> dict[str, Any]:
    remembered = _DECISIONS_PER_TRACE * settings.traces
    return {
        "decision_wait": f"{settings.decision_wait_seconds}s",
        "num_traces": settings.traces,
        "maximum_trace_size_bytes": settings.trace_bytes,
        "decision_cache": {"sampled_cache_size": remembered, "non_sampled_cache_size": remembered},
        # a trace is kept when one of them says so
        "policies": [
            {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
            {"name": "slow", "type": "latency", "latency": {"threshold_ms": settings.slow_ms}},
            {
                "name": "ordinary",
                "type": "probabilistic",
                "probabilistic": {"sampling_percentage": 100 * settings.ordinary_ratio},
            },
        ],
    }


_WHOLE: Final = "forward/whole"
"""Connector that hands on what was received, after the memory's limit, so that a batch is refused as a whole."""


def tail_sampling_config(settings: TailSamplerSettings, *, proxied: bool = False) -> dict[str, Any]:
    """The program's configuration (``otelcol validate`` reads it in a test).

    Spans come with everything that Kubernetes knows of their senders, which is added where they are received first.
    The service map is counted here, from whole traces and before any is dropped.

    Args:
        settings: of the sampler.
        proxied: whether the services' calls go through proxies that make spans too.
    """
    config = {
        "extensions": health_check(),
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"{ANY}:{OTLP_GRPC_PORT}"}}}},
        "processors": {"memory_limiter": memory_limiter(settings), "tail_sampling": _decision(settings)},
        "connectors": {_WHOLE: None},
        "exporters": {
            "otlp_grpc/traces": {
                "endpoint": f"${{env:{TRACES_ENDPOINT}}}",
                "tls": {"insecure": True},
                **exporting(settings.batching),
            },
            **to_metric_store(settings),
        },
        "service": {
            "extensions": ["health_check"],
            "telemetry": own_telemetry(settings),
            "pipelines": {
                "traces": {"receivers": ["otlp"], "processors": ["memory_limiter"], "exporters": [_WHOLE]},
                "traces/sampled": {
                    "receivers": [_WHOLE],
                    "processors": ["tail_sampling"],
                    "exporters": ["otlp_grpc/traces"],
                },
            },
        },
    }
    return counting_calls(config, settings, proxied=proxied)
