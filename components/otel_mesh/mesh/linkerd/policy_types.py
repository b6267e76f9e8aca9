"""Fields in use of Linkerd's policies.

`otel_mesh.mesh.linkerd.kinds` names the kinds; a test compares the types with the kinds' definitions.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from otel_mesh.mesh.gateway_api.route_types import Reference  # noqa: TC001 - the test reads the types at run time


class Selector(TypedDict, total=False):
    """Labels of the pods; every pod of the namespace when empty."""

    matchLabels: dict[str, str]


class ServerSpec(TypedDict):
    """A port of pods, and what happens to calls that nothing else allows."""

    accessPolicy: Literal["deny"]
    podSelector: Selector
    port: int | str
    proxyProtocol: Literal["unknown", "opaque"]


class AuthorizationPolicySpec(TypedDict):
    """Clients that may call a Server or route."""

    targetRef: Reference
    requiredAuthenticationRefs: list[Reference]


class MeshTlsAuthenticationSpec(TypedDict):
    """Clients by their identity in the mesh."""

    identities: list[str]


class Network(TypedDict):
    """A range of IP addresses."""

    cidr: str


class NetworkAuthenticationSpec(TypedDict):
    """Clients by their address."""

    networks: list[Network]


class EgressNetworkSpec(TypedDict):
    """Addresses outside the cluster; all of them without networks."""

    networks: NotRequired[list[Network]]
    trafficPolicy: Literal["Allow", "Deny"]


class Limit(TypedDict):
    """A limit of requests."""

    requestsPerSecond: int


class HttpLocalRateLimitPolicySpec(TypedDict):
    """Limits of the requests to a Server, by each pod's proxy."""

    targetRef: Reference
    total: Limit
