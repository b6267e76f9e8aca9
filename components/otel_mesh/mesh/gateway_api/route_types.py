"""Fields in use of the Gateway API's routes inside a mesh.

`otel_mesh.mesh.gateway_api.kinds` names the kinds; a test compares the types with the kinds' definitions.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

import pulumi  # noqa: TC002 - the test reads the types at run time

from otel_mesh.catalog.routes import Method  # noqa: TC001 - the test reads the types at run time


class Reference(TypedDict):
    """A reference to an object of the same namespace."""

    group: str
    kind: str
    name: pulumi.Input[str]


class ParentReference(Reference):
    """A reference to what a route is attached to."""

    port: NotRequired[int]


class PathMatch(TypedDict):
    """A condition about a path."""

    type: Literal["Exact", "PathPrefix"]
    value: str


class HeaderMatch(TypedDict):
    """A condition about a header."""

    type: Literal["Exact", "RegularExpression"]
    name: str
    value: str


class HttpMatch(TypedDict):
    """Conditions about an HTTP request, all of which have to hold."""

    path: PathMatch
    headers: NotRequired[list[HeaderMatch]]
    method: NotRequired[Method]


class GrpcMatch(TypedDict):
    """Conditions about a call by gRPC."""

    headers: list[HeaderMatch]


class Header(TypedDict):
    """A header and its value."""

    name: str
    value: str


class HeaderChanges(TypedDict, total=False):
    """Headers to set and to remove."""

    set: list[Header]
    remove: list[str]


class Filter(TypedDict):
    """A change of requests."""

    type: Literal["RequestHeaderModifier"]
    requestHeaderModifier: HeaderChanges


class Backend(Reference):
    """A Service with its share of the requests."""

    port: int
    weight: int
    filters: NotRequired[list[Filter]]


class HttpRule(TypedDict, total=False):
    """A rule of an HTTPRoute."""

    matches: list[HttpMatch]
    filters: list[Filter]
    backendRefs: list[Backend]


class GrpcRule(TypedDict, total=False):
    """A rule of a GRPCRoute."""

    matches: list[GrpcMatch]
    filters: list[Filter]
    backendRefs: list[Backend]


class HttpRouteSpec(TypedDict):
    """Routes of HTTP requests."""

    parentRefs: list[ParentReference]
    rules: list[HttpRule]
    hostnames: NotRequired[list[pulumi.Input[str]]]


class GrpcRouteSpec(TypedDict):
    """Routes of calls by gRPC."""

    parentRefs: list[ParentReference]
    rules: list[GrpcRule]
    hostnames: NotRequired[list[pulumi.Input[str]]]
