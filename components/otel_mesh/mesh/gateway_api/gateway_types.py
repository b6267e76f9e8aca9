"""Fields in use of the Gateway API's Gateway and GatewayClass, and of routes at a Gateway.

`otel_mesh.mesh.gateway_api.kinds` names the kinds; a test compares the types with the kinds' definitions.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

import pulumi  # noqa: TC002 - the test reads the types at run time

from otel_mesh.mesh.gateway_api.route_types import (  # noqa: TC001 - the test reads the types at run time
    Backend,
    HeaderChanges,
    HttpMatch,
    Reference,
)


class GatewayClassSpec(TypedDict):
    """The program that serves the Gateways of a class."""

    controllerName: str


class Certificates(TypedDict):
    """Certificates of a listener."""

    mode: Literal["Terminate"]
    certificateRefs: list[Reference]


class NamespaceCondition(TypedDict):
    """A condition about a label of a namespace."""

    key: str
    operator: Literal["In"]
    values: list[pulumi.Input[str]]


class NamespaceSelector(TypedDict):
    """Conditions about a namespace."""

    matchExpressions: list[NamespaceCondition]


RouteNamespaces = TypedDict(
    "RouteNamespaces", {"from": Literal["Same", "Selector"], "selector": NotRequired[NamespaceSelector]}
)
"""Namespaces whose routes may be attached."""


class RouteKind(TypedDict):
    """A kind of routes."""

    group: str
    kind: str


class AllowedRoutes(TypedDict):
    """Routes that may be attached to a listener."""

    namespaces: RouteNamespaces
    kinds: list[RouteKind]


class Listener(TypedDict):
    """A port and host of a Gateway."""

    name: str
    port: int
    protocol: str
    hostname: NotRequired[str]
    tls: NotRequired[Certificates]
    allowedRoutes: AllowedRoutes


class Infrastructure(TypedDict):
    """Settings of the program that serves a Gateway."""

    parametersRef: Reference


class GatewaySpec(TypedDict):
    """A gateway and the program that serves it."""

    gatewayClassName: str
    listeners: list[Listener]
    infrastructure: NotRequired[Infrastructure]


class GatewayReference(TypedDict):
    """A reference to a Gateway, or to one of its listeners."""

    group: str
    kind: str
    name: str
    namespace: NotRequired[str]
    sectionName: NotRequired[str]


class Redirect(TypedDict):
    """An answer that sends clients to another URL."""

    scheme: Literal["https"]
    statusCode: Literal[301]


class PathRewrite(TypedDict):
    """Another path for the service."""

    type: Literal["ReplacePrefixMatch"]
    replacePrefixMatch: str


class Rewrite(TypedDict):
    """Another URL for the service."""

    path: PathRewrite


class EdgeFilter(TypedDict):
    """A change of requests, or an answer to them."""

    type: Literal["RequestHeaderModifier", "RequestRedirect", "URLRewrite"]
    requestHeaderModifier: NotRequired[HeaderChanges]
    requestRedirect: NotRequired[Redirect]
    urlRewrite: NotRequired[Rewrite]


class Timeouts(TypedDict):
    """Timeouts of requests."""

    request: str


class EdgeRule(TypedDict, total=False):
    """A rule of an HTTPRoute at a Gateway."""

    name: str
    matches: list[HttpMatch]
    filters: list[EdgeFilter]
    timeouts: Timeouts
    backendRefs: list[Backend]


class EdgeRouteSpec(TypedDict):
    """Routes of HTTP requests at a Gateway."""

    parentRefs: list[GatewayReference]
    rules: list[EdgeRule]
    hostnames: NotRequired[list[str]]
