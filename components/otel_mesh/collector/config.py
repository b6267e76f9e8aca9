"""Settings of the Collectors that services send to, and their configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.collector.log_lines import LOG_LINES
from otel_mesh.collector.parts import (
    ANY,
    LOGS_ENDPOINT,
    CollectorProgram,
    add_service_graph,
    empty_config,
    exporters_of,
    memory_limiter,
    metrics_exporters,
    to_trace_backend,
)
from otel_mesh.collector.pipelines import Exporter, Pipeline, Processor, Receiver, Stage
from otel_mesh.collector.proxy_spans import translation
from otel_mesh.collector.queueing import exporting
from otel_mesh.core.network import OTLP_GRPC_PORT, OTLP_HTTP_PORT
from otel_mesh.core.values import DnsLabel  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from otel_mesh.mesh.binding import ProxySpans

SAMPLER_HOST: Final = "SAMPLER_HOST"
"""Environment variable of the Collector: DNS name that resolves to the pods of a `TailSampler`."""

POD_ATTRIBUTES: Final = (
    "k8s.pod.name",
    "k8s.pod.uid",
    "k8s.pod.start_time",
    "k8s.deployment.name",
    "k8s.namespace.name",
    "k8s.node.name",
)
"""Kubernetes attributes of the sender that every signal carries, beside ``k8s.cluster.name``."""

_BALANCED_FLUSH: Final = "500ms"
"""Flush timeout of the batches that go to the samplers.

A sampler decides a fixed time after the first span of a trace has arrived. Time spent in a batch counts against that.
"""


class OtelCollectorSettings(CollectorProgram):
    """Settings of an `OtelCollector`, beside those of every `CollectorProgram`.

    Attributes:
        name: Name of the Kubernetes objects.
        pod_attributes: Whether to ask the API server for the sender's Kubernetes attributes; not outside Kubernetes.
        meshed: Whether the pods join the mesh. They do by default: the mesh proves who sends telemetry.
        traces_only: Whether metrics are accepted and dropped, the Collector's own too, and calls are not counted.
    """

    name: DnsLabel = "otel-collector"
    pod_attributes: bool = True
    meshed: bool = True
    traces_only: bool = False


_OTLP: Final = Receiver(
    "otlp",
    {
        "protocols": {
            "grpc": {"endpoint": f"{ANY}:{OTLP_GRPC_PORT}"},
            "http": {"endpoint": f"{ANY}:{OTLP_HTTP_PORT}"},
        }
    },
)

# here and not in the samplers: only the Collector that a sender connects to knows its address, and sampling makes new
# batches, which have none
_K8S_ATTRIBUTES: Final = Processor(
    "k8s_attributes",
    {
        "auth_type": "serviceAccount",
        "extract": {"metadata": list(POD_ATTRIBUTES)},
        # the sender's address comes last: behind a sidecar or a load balancer it is not the pod's
        "pod_association": [
            {"sources": [{"from": "resource_attribute", "name": "k8s.pod.uid"}]},
            {"sources": [{"from": "resource_attribute", "name": "k8s.pod.ip"}]},
            {"sources": [{"from": "connection"}]},
        ],
    },
    Stage.IDENTIFY,
)


def _processors(settings: OtelCollectorSettings) -> tuple[Processor, ...]:
    """The processors of every pipeline that receives data."""
    cluster = {"key": "k8s.cluster.name", "value": settings.cluster_name, "action": "upsert"}
    return (
        memory_limiter(settings),
        *([_K8S_ATTRIBUTES] if settings.pod_attributes else []),
        Processor("resource/cluster", {"attributes": [cluster]}, Stage.LABEL),
    )


def _to_samplers(settings: OtelCollectorSettings) -> Exporter:
    """Sends all spans of a trace to the same sampler, whichever Collector received them.

    Queue and retries belong to the whole exporter and not to each sampler's: spans that a sampler refuses, or that
    arrive before any sampler is known, are routed again at the next attempt, when the list of samplers may have
    changed. Spans may then arrive twice, but none is lost while the queue holds them.
    """
    return Exporter(
        "load_balancing/traces",
        {
            "routing_key": "traceID",
            "protocol": {
                "otlp": {
                    "tls": {"insecure": True},
                    "timeout": "5s",
                    "sending_queue": {"enabled": False},
                    "retry_on_failure": {"enabled": False},
                }
            },
            # by DNS rather than by the API server's endpoints: it needs no further rights
            "resolver": {
                "dns": {"hostname": f"${{env:{SAMPLER_HOST}}}", "port": str(OTLP_GRPC_PORT), "interval": "5s"}
            },
            **exporting(settings.batching.model_copy(update={"timeout": _BALANCED_FLUSH}), settings.storage),
        },
    )


def _logs_exporters(settings: OtelCollectorSettings, *, own: bool) -> tuple[Exporter, ...]:
    fields = {"logs_endpoint": f"${{env:{LOGS_ENDPOINT}}}", **exporting(settings.batching, settings.storage)}
    # without a backend: accepted (or senders would see errors), counted in the Collector's own metrics and dropped
    return exporters_of(settings, "logs", Exporter("otlp_http/logs", fields) if own else None) or (Exporter("nop"),)


def collector_config(  # noqa: PLR0913 - all by keyword
    settings: OtelCollectorSettings,
    *,
    sampled: bool = False,
    logs: bool = False,
    proxy_spans: ProxySpans = "",
    traces: bool = True,
    metrics: bool = True,
) -> dict[str, Any]:
    """The program's configuration (``otelcol validate`` reads it in a test).

    Destinations come from environment variables (`TRACES_ENDPOINT` or `SAMPLER_HOST`, `METRICS_ENDPOINT`,
    `LOGS_ENDPOINT`), so that the configuration is known before anything is deployed.

    Args:
        settings: Settings of the Collector.
        sampled: Whether traces go to the pods of a `TailSampler`, which then count the service graph. Metrics and logs
            never go there.
        logs: Whether logs go to the backend at ``LOGS_ENDPOINT``; without any backend they are accepted and dropped.
        proxy_spans: Kind of the mesh's proxies, if they make spans of the services' calls; else empty.
        traces: Whether traces go to the backend at ``TRACES_ENDPOINT``, unless they are ``sampled``.
        metrics: Whether metrics go to the backend at ``METRICS_ENDPOINT``.
    """
    processors = _processors(settings)
    config = empty_config(settings, own_metrics=metrics)

    def pipeline(destinations: tuple[Exporter, ...], *further: Processor) -> Pipeline:
        return Pipeline(sources=(_OTLP,), processors=(*processors, *further), destinations=destinations)

    if sampled:
        to_traces: tuple[Exporter, ...] = (_to_samplers(settings),)
    else:
        to_traces = exporters_of(settings, "traces", to_trace_backend(settings) if traces else None)
    to_logs = _logs_exporters(settings, own=logs)
    fitted = [] if to_logs == (Exporter("nop"),) else [LOG_LINES]
    config.add(
        {
            "traces": pipeline(to_traces),
            "metrics": pipeline(
                (Exporter("nop"),) if settings.traces_only else metrics_exporters(settings, own=metrics)
            ),
            "logs": pipeline(to_logs, *fitted),
        }
    )
    if not sampled and not settings.traces_only:
        add_service_graph(config, settings, proxy_spans=proxy_spans, own_metrics=metrics)
    config.extend("traces", processors=translation(proxy_spans))
    return config.render()
