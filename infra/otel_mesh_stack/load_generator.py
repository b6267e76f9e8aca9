"""The load generator: requests to the shop at a steady rate for a limited time.

It is a Job, since a Deployment would start again with every restart of its pod or node, and load has to end by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import pulumi
from pydantic import Field

from otel_mesh import (
    POD_FIELDS,
    Component,
    Container,
    DnsLabel,
    Environment,
    JobShape,
    Label,
    LabelValue,
    LogLevel,
    MeshBinding,
    NoMesh,
    Ratio,
    Resources,
    Role,
    Scheduling,
    Settings,
    TelemetryEnvironment,
    Workload,
    parse,
    render,
    temporary_files,
)

if TYPE_CHECKING:
    from otel_mesh import Manifest

_READY_SECONDS: Final = 60
"""Time that the load generator waits for the target."""
_GRACE_SECONDS: Final = 60
"""Time for the start, the last responses and the export of the remaining telemetry."""

UserId = Annotated[int, Field(ge=1)]


class LoadGeneratorSettings(Settings):
    """Settings of a `LoadGenerator`.

    Attributes:
        name: Name of the Kubernetes objects, ``service.name``.
        version: Version of the program in the image, ``service.version``.
        rate_per_second: Requests per second, independent of the response times.
        duration_seconds: Time during which requests are sent.
        max_in_flight: Number of requests that may wait for a response at a time; further ones are skipped and counted.
        order_share: Share of the requests that place an order, each with its own ``Idempotency-Key``; the others read a
            user.
        user_ids: IDs of existing users, used in turn.
        resources: Resource requests and limits of the container.
        scheduling: Placement of the pod.
        log_level: Lowest severity of the log records that are written.
        metric_interval_ms: Export interval of metrics in milliseconds.
        meshed: Whether the pod joins the mesh. It does by default: a Collector in the mesh accepts telemetry from
            pods in the mesh only.
    """

    name: DnsLabel = "load-generator"
    version: LabelValue = "0.1.0"
    rate_per_second: float = Field(default=5, ge=0.01, le=1000)
    duration_seconds: int = Field(default=600, ge=1, le=86_400)
    max_in_flight: int = Field(default=100, ge=1, le=10_000)
    order_share: Ratio = 0.2
    user_ids: tuple[UserId, ...] = Field(default=(123,), min_length=1)
    resources: Resources = Resources(cpu="100m", memory="96Mi", memory_limit="256Mi")
    scheduling: Scheduling = Scheduling()
    log_level: LogLevel = "INFO"
    metric_interval_ms: int = Field(default=5000, ge=1000, le=600_000)
    meshed: bool = True


@dataclass(frozen=True, kw_only=True)
class LoadGeneratorArgs:
    """Arguments of a `LoadGenerator`.

    Attributes:
        namespace: Namespace of the Kubernetes objects.
        image: Container image.
        target_url: Base URL of the requests, without a trailing slash.
        otlp_endpoint: URL of the Collector's OTLP receiver (gRPC).
        service_namespace: Name of the platform, ``service.namespace``.
        environment: ``deployment.environment.name``.
        settings: Settings, or a mapping of their fields.
        mesh: Mesh that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    image: pulumi.Input[str]
    target_url: pulumi.Input[str]
    otlp_endpoint: pulumi.Input[str]
    service_namespace: str
    environment: Environment
    settings: LoadGeneratorSettings = field(default_factory=LoadGeneratorSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def _environment(args: LoadGeneratorArgs, settings: LoadGeneratorSettings) -> dict[str, Any]:
    telemetry = TelemetryEnvironment(
        service=settings.name,
        version=settings.version,
        service_namespace=args.service_namespace,
        environment=args.environment,
        otlp_endpoint=args.otlp_endpoint,
        metric_interval_ms=settings.metric_interval_ms,
        mesh=args.mesh,
        owner="k8s.job.name",
    )
    return {
        "TARGET_URL": args.target_url,
        "RATE_PER_SECOND": f"{settings.rate_per_second:g}",
        "DURATION_SECONDS": str(settings.duration_seconds),
        "MAX_IN_FLIGHT": str(settings.max_in_flight),
        "ORDER_SHARE": f"{settings.order_share:g}",
        "USER_IDS": ",".join(str(one) for one in settings.user_ids),
        "READY_TIMEOUT_SECONDS": str(_READY_SECONDS),
        "LOG_LEVEL": settings.log_level,
        **telemetry.variables(),
    }


def load_generator_manifests(args: LoadGeneratorArgs, settings: LoadGeneratorSettings) -> list[Manifest]:
    """All objects of a load generator, dependencies first."""
    # without probes: it serves no requests, and a failure ends it
    container = Container(
        name="load-generator",
        image=args.image,
        pod_fields=POD_FIELDS,
        env=_environment(args, settings),
        resources=settings.resources,
        volumes=(temporary_files(),),
    )
    return render(
        Workload(
            name=settings.name,
            namespace=args.namespace,
            program="load-generator",
            role=Role.LOAD,
            version=settings.version,
            containers=(container,),
            shape=JobShape(deadline_seconds=_READY_SECONDS + settings.duration_seconds + _GRACE_SECONDS),
            scheduling=settings.scheduling,
            pod_labels={
                Label.APP.value: settings.name,
                Label.SERVICE_VERSION.value: settings.version,
                **args.mesh.labels_of_pods(meshed=settings.meshed),
            },
            pod_annotations=args.mesh.annotations_of_pods(meshed=settings.meshed),
        )
    )


class LoadGenerator(Component):
    """A Job that generates load once for each change of its settings.

    Attributes:
        service_account: Service account of the pod, part of the mesh identity.

    Raises:
        InvalidSettingsError: The settings are invalid.
    """

    TYPE: ClassVar[str] = "LoadGenerator"

    service_account: pulumi.Output[str]

    def __init__(self, name: str, args: LoadGeneratorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(LoadGeneratorSettings, args.settings)
        super().__init__(name, opts)
        self.children(load_generator_manifests(args, settings))
        self.service_account = pulumi.Output.from_input(settings.name)
        self.register_outputs({"service_account": self.service_account})
