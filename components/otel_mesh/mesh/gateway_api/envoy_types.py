"""Fields in use of Envoy Gateway's objects.

`otel_mesh.mesh.gateway_api.kinds` names the kinds; a test compares the types with the kinds' definitions.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

import pulumi  # noqa: TC002 - the test reads the types at run time

from otel_mesh.mesh.gateway_api.route_types import Reference


class PolicyTarget(Reference):
    """An object that a policy applies to, or a part of it."""

    sectionName: NotRequired[str]  # noqa: N815 - Kubernetes' own name


class Named(TypedDict):
    """An object with a given name."""

    name: str


class FieldReference(TypedDict):
    """A field of the pod."""

    fieldPath: str


class VariableSource(TypedDict):
    """The source of an environment variable."""

    fieldRef: FieldReference


class Variable(TypedDict):
    """An environment variable."""

    name: str
    valueFrom: VariableSource


class ContainerResources(TypedDict):
    """Requests and limits of a container."""

    requests: dict[str, int | str]
    limits: dict[str, int | str]


class ProxyContainer(TypedDict):
    """The container with Envoy."""

    resources: ContainerResources
    env: list[Variable]


class Toleration(TypedDict, total=False):
    """A Kubernetes toleration."""

    key: str
    operator: str
    value: str
    effect: str
    tolerationSeconds: int


class LabelSelector(TypedDict):
    """Labels of pods."""

    matchLabels: dict[str, str]


class TopologySpread(TypedDict):
    """How evenly pods are spread."""

    maxSkew: int
    topologyKey: str
    whenUnsatisfiable: str
    labelSelector: LabelSelector


class ProxyPods(TypedDict):
    """The pods with Envoy."""

    labels: dict[str, str]
    annotations: dict[str, str]
    topologySpreadConstraints: list[TopologySpread]
    nodeSelector: NotRequired[dict[str, str]]
    tolerations: NotRequired[list[Toleration]]
    priorityClassName: NotRequired[str]
    imagePullSecrets: NotRequired[list[Named]]


class ProxyDeployment(TypedDict):
    """The Deployment of Envoy."""

    name: str
    replicas: int
    pod: ProxyPods
    container: ProxyContainer


class ProxyService(TypedDict):
    """The Service of Envoy."""

    name: str
    type: Literal["ClusterIP", "LoadBalancer", "NodePort"]


class DisruptionBudget(TypedDict):
    """Pods that a drain may evict at a time."""

    maxUnavailable: int | str


class KubernetesProvider(TypedDict):
    """The objects that run Envoy."""

    envoyServiceAccount: Named
    envoyDeployment: ProxyDeployment
    envoyService: ProxyService
    envoyPDB: NotRequired[DisruptionBudget]


class Provider(TypedDict):
    """Where Envoy runs."""

    type: Literal["Kubernetes"]
    kubernetes: KubernetesProvider


class TelemetryBackend(Reference):
    """A Service that receives telemetry."""

    namespace: str
    port: int


class OpenTelemetry(TypedDict):
    """Attributes of the resource in spans."""

    resourceAttributes: dict[str, pulumi.Input[str]]


class TracingProvider(TypedDict):
    """Where spans are sent."""

    type: Literal["OpenTelemetry"]
    serviceName: str
    backendRefs: list[TelemetryBackend]
    openTelemetry: OpenTelemetry


class Fraction(TypedDict):
    """A share of the requests."""

    numerator: int
    denominator: int


class HeaderTag(TypedDict):
    """A request header."""

    name: str


class CustomTag(TypedDict):
    """The value of a span's attribute."""

    type: Literal["RequestHeader"]
    requestHeader: HeaderTag


class ProxyTracing(TypedDict):
    """Spans of Envoy."""

    samplingFraction: Fraction
    provider: TracingProvider
    tags: dict[str, str]
    customTags: NotRequired[dict[str, CustomTag]]


class ProxyTelemetry(TypedDict):
    """Telemetry of Envoy."""

    tracing: ProxyTracing


class EnvoyProxySpec(TypedDict):
    """How Envoy Gateway runs Envoy."""

    mergeType: Literal["StrategicMerge"]
    provider: Provider
    routingType: str
    telemetry: NotRequired[ProxyTelemetry]


class NameMatch(TypedDict):
    """Names of headers."""

    type: Literal["Prefix"]
    value: str


class EarlyHeaders(TypedDict):
    """Headers that are removed before anything reads them."""

    remove: list[str]
    removeOnMatch: list[NameMatch]


class HeaderSettings(TypedDict):
    """Treatment of clients' headers."""

    earlyRequestHeaders: EarlyHeaders


class ClientTrafficSpec(TypedDict):
    """Treatment of clients' requests."""

    targetRefs: list[PolicyTarget]
    headers: HeaderSettings


class RetryConditions(TypedDict):
    """Failures after which a request is repeated."""

    triggers: list[Literal["connect-failure", "refused-stream", "reset", "gateway-error"]]


class RetryTimeout(TypedDict):
    """Timeout of each try."""

    timeout: str


class Retry(TypedDict):
    """Repetition of failed requests."""

    numRetries: int
    perRetry: RetryTimeout
    retryOn: RetryConditions


class BackendTrafficSpec(TypedDict):
    """Treatment of requests to services."""

    targetRefs: list[PolicyTarget]
    retry: Retry
