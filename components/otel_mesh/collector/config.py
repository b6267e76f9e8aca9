"""Settings of the Collectors that services send to, and their configuration."""

from __future__ import annotations

from typing import Any, Final

from otel_mesh.collector.log_lines import storable_lines
from otel_mesh.collector.parts import (
    ANY,
    LOGS_ENDPOINT,
    TRACES_ENDPOINT,
    CollectorProgram,
    counting_calls,
    exporting,
    health_check,
    memory_limiter,
    own_telemetry,
    to_metric_store,
)
from otel_mesh.core.network import OTLP_GRPC_PORT, OTLP_HTTP_PORT
from otel_mesh.core.values import DnsLabel  # noqa: TC001 - pydantic reads it at run time

SAMPLER_HOST: Final = "SAMPLER_HOST"
"""Environment variable of the Collector: name whose addresses are the pods of a `TailSampler`."""

POD_ATTRIBUTES: Final = (
    "k8s.pod.name",
    "k8s.pod.uid",
    "k8s.pod.start_time",
    "k8s.deployment.name",
    "k8s.namespace.name",
    "k8s.node.name",
)
"""What Kubernetes knows of a sender and every signal carries, beside ``k8s.cluster.name``."""

_BALANCED_FLUSH: Final = "500ms"
"""How long spans are gathered before they go to the samplers.

A trace is decided a fixed time after its first span came there, so that what waits here for company counts against
that time.
"""


class OtelCollectorSettings(CollectorProgram):
    """Settings of an `OtelCollector`, beside those of every `CollectorProgram`.

    Attributes:
        pod_attributes: whether the API server is asked what it knows of a sender's pod; not outside Kubernetes.
        meshed: whether its pods join the mesh. By default: only so it knows who sends telemetry.
    """

    name: DnsLabel = "otel-collector"
    pod_attributes: bool = True
    meshed: bool = True


def _processors(settings: OtelCollectorSettings) -> dict[str, Any]:
    processors = {
        "memory_limiter": memory_limiter(settings),
        # here and not at the samplers: the sender's address is known to whom it sends only, and sampling makes new
        # batches, which have none
        "k8s_attributes": {
            "auth_type": "serviceAccount",
            "extract": {"metadata": list(POD_ATTRIBUTES)},
            # the sender's address comes last: behind a sidecar or a load balancer it is not the pod's
            "pod_association": [
                {"sources": [{"from": "resource_attribute", "name": "k8s.pod.uid"}]},
                {"sources": [{"from": "resource_attribute", "name": "k8s.pod.ip"}]},
                {"sources": [{"from": "connection"}]},
            ],
        },
        "resource/cluster": {
            "attributes": [{"key": "k8s.cluster.name", "value": settings.cluster_name, "action": "upsert"}]
        },
    }
    if not settings.pod_attributes:
        del processors["k8s_attributes"]
    return processors


def _to_store(settings: OtelCollectorSettings) -> dict[str, Any]:
    return {
        "otlp_grpc/traces": {
            "endpoint": f"${{env:{TRACES_ENDPOINT}}}",
            "tls": {"insecure": True},
            **exporting(settings.batching),
        }
    }


def _to_samplers(settings: OtelCollectorSettings) -> dict[str, Any]:
    """All spans of a trace to the same sampler, whichever Collector they came to.

    Queue and retries are those of the whole: what one sampler doesn't take, or what comes before any is known, is
    routed anew at the next attempt, when the list of samplers may be another. Spans may arrive twice then, never not
    at all as long as the queue holds them.
    """
    return {
        "load_balancing/traces": {
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
            **exporting(settings.batching.model_copy(update={"timeout": _BALANCED_FLUSH})),
        }
    }


def _logs_exporter(settings: OtelCollectorSettings, *, kept: bool) -> dict[str, Any]:
    if not kept:
        # accepted (or senders would see errors), counted in the Collector's own metrics and dropped here
        return {"nop": None}
    return {"otlp_http/logs": {"logs_endpoint": f"${{env:{LOGS_ENDPOINT}}}", **exporting(settings.batching)}}


def collector_config(
    settings: OtelCollectorSettings, *, sampled: bool = False, logs_kept: bool = False, proxied: bool = False
) -> dict[str, Any]:
    """The program's configuration (``otelcol validate`` reads it in a test).

    Where signals go stands in the environment (`TRACES_ENDPOINT` or `SAMPLER_HOST`, `METRICS_ENDPOINT`,
    `LOGS_ENDPOINT`), so that the configuration is known before anything is deployed.

    Args:
        settings: of the Collector.
        sampled: whether traces go to the pods of a `TailSampler`, which count the calls then; metrics and logs never
            do.
        logs_kept: whether there is a log store; without one logs are accepted and dropped.
        proxied: whether the services' calls go through proxies that make spans too.
    """
    processors = _processors(settings)
    traces = _to_samplers(settings) if sampled else _to_store(settings)
    logs = _logs_exporter(settings, kept=logs_kept)
    of_lines = storable_lines() if logs_kept else {}

    def pipeline(exporter: str, *further: str) -> dict[str, Any]:
        return {"receivers": ["otlp"], "processors": [*processors, *further], "exporters": [exporter]}

    config: dict[str, Any] = {
        "extensions": health_check(),
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": f"{ANY}:{OTLP_GRPC_PORT}"},
                    "http": {"endpoint": f"{ANY}:{OTLP_HTTP_PORT}"},
                }
            }
        },
        "processors": {**processors, **of_lines},
        "exporters": {
            **traces,
            **to_metric_store(settings),
            **logs,
        },
        "service": {
            "extensions": ["health_check"],
            "telemetry": own_telemetry(settings),
            "pipelines": {
                "traces": pipeline(next(iter(traces))),
                "metrics": pipeline("otlp_http/metrics"),
                "logs": pipeline(next(iter(logs)), *of_lines),
            },
        },
    }
    return config if sampled else counting_calls(config, settings, proxied=proxied)
