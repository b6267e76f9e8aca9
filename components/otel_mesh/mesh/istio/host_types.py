"""Fields in use of Istio's Gateway, ServiceEntry and Sidecar: the hosts that proxies serve and know.

`otel_mesh.mesh.istio.kinds` names the kinds; a test compares the types with the definitions of Istio's chart ``base``.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

import pulumi  # noqa: TC002 - the test reads the types at run time


class ServerTls(TypedDict, total=False):
    """TLS of a gateway's listener, or the redirection to it."""

    httpsRedirect: bool
    mode: Literal["SIMPLE"]
    credentialName: pulumi.Input[str]
    minProtocolVersion: Literal["TLSV1_2", "TLSV1_3"]


class ListenerPort(TypedDict):
    """Port of a gateway's listener."""

    number: int
    name: str
    protocol: str


class Listener(TypedDict):
    """A listener of a gateway."""

    port: ListenerPort
    hosts: list[str]
    tls: NotRequired[ServerTls]


class GatewaySpec(TypedDict):
    """Listeners of the selected proxies."""

    selector: dict[str, str]
    servers: list[Listener]


class EntryPort(TypedDict):
    """Port of a ServiceEntry."""

    number: int
    name: str
    protocol: str
    targetPort: NotRequired[int]


class Endpoint(TypedDict):
    """An address of a ServiceEntry."""

    address: str


class ServiceEntrySpec(TypedDict):
    """A host outside the mesh."""

    hosts: list[pulumi.Input[str]]
    location: Literal["MESH_EXTERNAL"]
    exportTo: list[str]
    ports: list[EntryPort]
    addresses: NotRequired[list[str]]
    resolution: NotRequired[Literal["NONE", "STATIC", "DNS"]]
    endpoints: NotRequired[list[Endpoint]]


class WorkloadSelector(TypedDict):
    """Labels of the pods."""

    labels: dict[str, str]


class EgressListener(TypedDict):
    """Hosts that proxies know."""

    hosts: pulumi.Input[list[str]]


class SidecarSpec(TypedDict):
    """What the proxies of pods know of the mesh."""

    workloadSelector: NotRequired[WorkloadSelector]
    egress: list[EgressListener]
