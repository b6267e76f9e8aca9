"""Fields in use of Istio's objects about identities, tracing, and Envoy's own configuration.

`otel_mesh.mesh.istio.kinds` names the kinds; a test compares the types with the definitions of Istio's chart ``base``.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

import pulumi  # noqa: TC002 - the test reads the types at run time


class Selector(TypedDict):
    """Labels of the pods."""

    matchLabels: dict[str, str]


class Source(TypedDict, total=False):
    """Who calls."""

    principals: list[str]
    notRequestPrincipals: list[pulumi.Input[str]]


class RuleSource(TypedDict):
    """A caller of a rule."""

    source: Source


class Operation(TypedDict, total=False):
    """What is called."""

    hosts: list[str]
    methods: list[str]
    paths: list[str]
    notPaths: list[str]
    ports: list[str]


class RuleOperation(TypedDict):
    """An operation of a rule."""

    operation: Operation


class Condition(TypedDict):
    """A further condition of a rule."""

    key: str
    notValues: list[pulumi.Input[str]]


AccessRule = TypedDict(
    "AccessRule",
    {"from": list[RuleSource], "to": list[RuleOperation], "when": list[Condition]},
    total=False,
)
"""A rule of an AuthorizationPolicy: one caller, one operation and all conditions have to fit."""


class AuthorizationPolicySpec(TypedDict, total=False):
    """Calls that are allowed or denied; without any field, every call to the namespace is refused."""

    selector: Selector
    action: Literal["ALLOW", "DENY"]
    rules: list[AccessRule]


class TokenRule(TypedDict):
    """Tokens of one issuer."""

    issuer: pulumi.Input[str]
    audiences: list[pulumi.Input[str]]
    jwks: NotRequired[pulumi.Input[str]]
    jwksUri: NotRequired[pulumi.Input[str]]


class RequestAuthenticationSpec(TypedDict):
    """Tokens that proxies accept."""

    selector: Selector
    jwtRules: list[TokenRule]


class MutualTls(TypedDict):
    """Whether connections without mutual TLS are accepted."""

    mode: Literal["STRICT"]


class PeerAuthenticationSpec(TypedDict):
    """Mutual TLS of a namespace, or of the whole mesh."""

    mtls: MutualTls


class Provider(TypedDict):
    """An extension provider of the mesh's configuration."""

    name: str


class LiteralTag(TypedDict):
    """A fixed value of a span's attribute."""

    value: str


class HeaderTag(TypedDict):
    """A header that becomes a span's attribute."""

    name: str


class CustomTag(TypedDict, total=False):
    """Source of a span's attribute; exactly one of the fields."""

    literal: LiteralTag
    header: HeaderTag


class TracingRule(TypedDict, total=False):
    """Tracing by proxies."""

    providers: list[Provider]
    randomSamplingPercentage: float
    customTags: dict[str, CustomTag]
    disableSpanReporting: bool


class TelemetrySpec(TypedDict):
    """Telemetry of a namespace, of the selected pods, or of the whole mesh."""

    selector: NotRequired[Selector]
    tracing: list[TracingRule]


class FilterName(TypedDict):
    """A filter inside another."""

    name: str


class NetworkFilter(TypedDict):
    """A network filter of a listener, and a filter inside it."""

    name: str
    subFilter: NotRequired[FilterName]


class FilterChain(TypedDict):
    """The filters of a listener."""

    filter: NetworkFilter


class ListenerMatch(TypedDict):
    """Listeners that a patch changes."""

    portNumber: NotRequired[int]
    filterChain: FilterChain


class VirtualHost(TypedDict):
    """A virtual host of a route configuration, by host and port."""

    name: str


class RouteConfiguration(TypedDict):
    """Routes that a patch changes."""

    vhost: VirtualHost


class PatchMatch(TypedDict):
    """Where a patch applies."""

    context: Literal["SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY"]
    listener: NotRequired[ListenerMatch]
    routeConfiguration: NotRequired[RouteConfiguration]


class Patch(TypedDict):
    """A change of Envoy's configuration, in Envoy's own fields."""

    operation: Literal["MERGE", "INSERT_BEFORE"]
    value: dict[str, Any]


class ConfigPatch(TypedDict):
    """A change, and where it applies."""

    applyTo: Literal["NETWORK_FILTER", "HTTP_FILTER", "HTTP_ROUTE"]
    match: PatchMatch
    patch: Patch


class WorkloadSelector(TypedDict):
    """Labels of the pods."""

    labels: dict[str, str]


class EnvoyFilterSpec(TypedDict):
    """Changes of Envoy's configuration."""

    priority: NotRequired[int]
    workloadSelector: NotRequired[WorkloadSelector]
    configPatches: list[ConfigPatch]
