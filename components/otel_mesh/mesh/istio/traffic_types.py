"""Fields in use of Istio's VirtualService and DestinationRule, in the order of their definitions.

`otel_mesh.mesh.istio.kinds` names the kinds; a test compares the types with the definitions of Istio's chart ``base``.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

import pulumi  # noqa: TC002 - the test reads the types at run time


class StringMatch(TypedDict, total=False):
    """A condition about a string; exactly one of the fields."""

    exact: str
    prefix: str
    regex: str


class HttpMatch(TypedDict, total=False):
    """Conditions about a request, all of which have to hold."""

    uri: StringMatch
    method: StringMatch
    headers: dict[str, StringMatch]


class HeaderChanges(TypedDict, total=False):
    """Headers to set and to remove."""

    set: dict[str, str]
    remove: list[str]


class Headers(TypedDict):
    """Changes to the headers of requests."""

    request: HeaderChanges


class PortNumber(TypedDict):
    """A port of a host."""

    number: int


class Destination(TypedDict):
    """A host, or a subset of its pods."""

    host: pulumi.Input[str]
    subset: NotRequired[str]
    port: NotRequired[PortNumber]


class WeightedDestination(TypedDict):
    """A destination with its share of the requests."""

    destination: Destination
    weight: NotRequired[int]
    headers: NotRequired[Headers]


class Percent(TypedDict):
    """A percentage from 0 to 100."""

    value: float


class Delay(TypedDict):
    """A delay of requests."""

    fixedDelay: str
    percentage: Percent


class Abort(TypedDict):
    """An answer in place of the service's."""

    httpStatus: int
    percentage: Percent


class Fault(TypedDict, total=False):
    """Faults of a route."""

    delay: Delay
    abort: Abort


class Retries(TypedDict):
    """Retries of a route; 0 attempts turn Istio's own default off."""

    attempts: int
    perTryTimeout: NotRequired[str]
    retryOn: NotRequired[str]


class Rewrite(TypedDict):
    """What replaces the matched prefix of a path."""

    uri: str


class Delegate(TypedDict):
    """A VirtualService that decides in place of a route."""

    name: str
    namespace: str


class HttpRoute(TypedDict, total=False):
    """A rule of a VirtualService: the first that matches decides."""

    match: list[HttpMatch]
    fault: Fault
    headers: Headers
    route: list[WeightedDestination]
    delegate: Delegate
    rewrite: Rewrite
    timeout: str
    retries: Retries


class VirtualServiceSpec(TypedDict):
    """Routes of hosts; without hosts, routes that another VirtualService delegates to."""

    hosts: NotRequired[list[str]]
    gateways: NotRequired[list[str]]
    http: list[HttpRoute]


class TcpLimits(TypedDict):
    """Limits of the connections of each proxy to a host."""

    maxConnections: int
    connectTimeout: NotRequired[str]


class HttpLimits(TypedDict):
    """Limits of the requests of each proxy to a host."""

    http1MaxPendingRequests: int
    http2MaxRequests: int


class ConnectionPool(TypedDict):
    """Limits of connections and requests."""

    tcp: TcpLimits
    http: HttpLimits


class OutlierDetection(TypedDict):
    """When a failing pod is left out, and for how long."""

    consecutive5xxErrors: int
    interval: str
    baseEjectionTime: str
    maxEjectionPercent: int


class ClientTls(TypedDict):
    """TLS that proxies add to calls out of the mesh."""

    mode: Literal["SIMPLE"]
    sni: pulumi.Input[str]
    subjectAltNames: list[pulumi.Input[str]]
    caCertificates: str


class PortTraffic(TypedDict):
    """Treatment of the connections to one port."""

    port: PortNumber
    tls: ClientTls


class HostTraffic(TypedDict, total=False):
    """Treatment of the connections to a host."""

    connectionPool: ConnectionPool
    outlierDetection: OutlierDetection
    portLevelSettings: list[PortTraffic]


class Subset(TypedDict):
    """Pods of a host, by their labels."""

    name: str
    labels: dict[str, str]


class DestinationRuleSpec(TypedDict):
    """Subsets of a host, and treatment of the connections to it."""

    host: pulumi.Input[str]
    exportTo: NotRequired[list[str]]
    trafficPolicy: NotRequired[HostTraffic]
    subsets: NotRequired[list[Subset]]
