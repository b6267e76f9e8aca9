"""The Collector's settings, and its configuration made from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, model_validator

from otel_mesh import versions
from otel_mesh.problems import InvalidSettingsError
from otel_mesh.scheduling import Scheduling
from otel_mesh.sizing import Resources
from otel_mesh.values import DnsLabel, Duration, ImageReference, LabelValue, Replicas, Settings

if TYPE_CHECKING:
    from typing import Self

OTLP_GRPC_PORT: Final = 4317
OTLP_HTTP_PORT: Final = 4318
HEALTH_PORT: Final = 13133
TRACES_ENDPOINT: Final = "TRACES_ENDPOINT"
"""Environment variable of the Collector: ``host:port`` that takes traces by OTLP over gRPC."""
METRICS_ENDPOINT: Final = "METRICS_ENDPOINT"
"""Environment variable of the Collector: base URL that takes metrics by OTLP over HTTP."""

_ANY: Final = "0.0.0.0"  # noqa: S104 - inside a pod: probes, Services and port-forwards all have to reach it

POD_ATTRIBUTES: Final = (
    "k8s.pod.name",
    "k8s.pod.uid",
    "k8s.pod.start_time",
    "k8s.deployment.name",
    "k8s.namespace.name",
    "k8s.node.name",
)
"""What Kubernetes knows of a sender and every signal carries, beside ``k8s.cluster.name``."""


class Batching(Settings):
    """How the Collector's exporters gather what they send.

    Attributes:
        size: items (spans, data points) that make a batch.
        timeout: after which a smaller batch leaves.
        queue_size: items held for a backend that doesn't answer; above it senders are told to try again.
    """

    size: int = Field(default=1024, ge=1, le=100_000)
    timeout: Duration = "10s"
    queue_size: int = Field(default=50_000, ge=1000, le=10_000_000)


class OtelCollectorSettings(Settings):
    """Settings of an `OtelCollector`.

    Attributes:
        name: of its objects.
        image: with the Collector as its entry point.
        version: of the program in the image, as a label.
        replicas: how many pods.
        resources: of each container.
        scheduling: where its pods run.
        cluster_name: value of ``k8s.cluster.name``, which Kubernetes itself doesn't know.
        batching: of the exporters.
        memory_limit_percentage: of the container's memory at which senders are told to wait.
        metrics_interval_seconds: how often the Collector's own metrics are sent.
        meshed: whether its pods join the mesh. By default: only so it knows who sends telemetry.
    """

    name: DnsLabel = "otel-collector"
    image: ImageReference = versions.COLLECTOR_IMAGE
    version: LabelValue = versions.COLLECTOR
    replicas: Replicas = 2
    resources: Resources = Resources(cpu="100m", memory="128Mi", memory_limit="512Mi")
    scheduling: Scheduling = Scheduling()
    cluster_name: LabelValue = "kubernetes"
    batching: Batching = Batching()
    memory_limit_percentage: int = Field(default=75, ge=10, le=90)
    metrics_interval_seconds: int = Field(default=60, ge=1, le=3600)
    meshed: bool = True

    @model_validator(mode="after")
    def _drained_in_parts(self) -> Self:
        problem = self.scheduling.problem_with(self.replicas)
        if problem is not None:
            raise InvalidSettingsError([problem])
        return self


def _exporting(batching: Batching) -> dict[str, Any]:
    """Queue, batches and retries of an exporter.

    The queue is bounded and in memory: it survives an outage of the backend, not the pod's own end.
    """
    return {
        "sending_queue": {
            "enabled": True,
            "sizer": "items",
            "queue_size": batching.queue_size,
            "batch": {
                "flush_timeout": batching.timeout,
                "min_size": batching.size,
                "max_size": 2 * batching.size,
            },
        },
        # no end to retries: what is queued must survive a long outage, and the queue's size bounds it
        "retry_on_failure": {"enabled": True, "initial_interval": "1s", "max_interval": "30s", "max_elapsed_time": 0},
    }


def _processors(settings: OtelCollectorSettings) -> dict[str, Any]:
    return {
        "memory_limiter": {
            "check_interval": "1s",
            "limit_percentage": settings.memory_limit_percentage,
            "spike_limit_percentage": settings.memory_limit_percentage // 4,
        },
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


def _own_telemetry(settings: OtelCollectorSettings) -> dict[str, Any]:
    """The Collector's own metrics go straight to the metric store.

    Not through its own pipelines, which may be what is failing; pushed, because with several replicas behind one
    Service a scrape would reach one of them at random.
    """
    attributes = {
        "service.name": settings.name,
        "service.instance.id": "${env:POD_UID}",
        "k8s.pod.name": "${env:POD_NAME}",
        "k8s.namespace.name": "${env:POD_NAMESPACE}",
        "k8s.node.name": "${env:NODE_NAME}",
        "k8s.deployment.name": settings.name,
        "k8s.cluster.name": settings.cluster_name,
    }
    return {
        "resource": {"attributes": [{"name": name, "value": value} for name, value in attributes.items()]},
        "metrics": {
            "level": "normal",
            "readers": [
                {
                    "periodic": {
                        "interval": 1000 * settings.metrics_interval_seconds,
                        "exporter": {
                            "otlp": {
                                "protocol": "http/protobuf",
                                "endpoint": f"${{env:{METRICS_ENDPOINT}}}/v1/metrics",
                            }
                        },
                    }
                }
            ],
        },
        "logs": {"encoding": "json"},
    }


def collector_config(settings: OtelCollectorSettings) -> dict[str, Any]:
    """The program's configuration (``otelcol validate`` reads it in a test).

    Where signals go stands in the environment (`TRACES_ENDPOINT`, `METRICS_ENDPOINT`), so that the configuration is
    known before anything is deployed.
    """
    processors = ["memory_limiter", "k8s_attributes", "resource/cluster"]
    exporting = _exporting(settings.batching)

    def pipeline(exporter: str) -> dict[str, Any]:
        return {"receivers": ["otlp"], "processors": processors, "exporters": [exporter]}

    return {
        "extensions": {"health_check": {"endpoint": f"{_ANY}:{HEALTH_PORT}"}},
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": f"{_ANY}:{OTLP_GRPC_PORT}"},
                    "http": {"endpoint": f"{_ANY}:{OTLP_HTTP_PORT}"},
                }
            }
        },
        "processors": _processors(settings),
        "exporters": {
            "otlp_grpc/traces": {
                "endpoint": f"${{env:{TRACES_ENDPOINT}}}",
                "tls": {"insecure": True},
                **exporting,
            },
            "otlp_http/metrics": {"endpoint": f"${{env:{METRICS_ENDPOINT}}}", **exporting},
            # there is no log store yet: logs are accepted (or senders would see errors), counted in the
            # Collector's own metrics and dropped here
            "nop": None,
        },
        "service": {
            "extensions": ["health_check"],
            "telemetry": _own_telemetry(settings),
            "pipelines": {
                "traces": pipeline("otlp_grpc/traces"),
                "metrics": pipeline("otlp_http/metrics"),
                "logs": pipeline("nop"),
            },
        },
    }
