"""What follows from a catalogue: addresses for callers, the telemetry contract, a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from otel_mesh.core.network import service_host
from otel_mesh.core.values import Settings

if TYPE_CHECKING:
    from otel_mesh.catalog.model import Catalog, Service

SpanKind = Literal["SERVER", "CLIENT"]

_SERVER_METRIC: Final = {"http": "http.server.request.duration", "grpc": "rpc.server.call.duration"}
_CLIENT_METRIC: Final = {"http": "http.client.request.duration", "grpc": "rpc.client.call.duration"}
_STORE_METRIC: Final = {"postgresql": "db.client.operation.duration", "redis": "db.client.operation.duration"}


class Signals(Settings):
    """What a service must emit once it has served a request.

    Attributes:
        spans: kinds of spans.
        metrics: names of instruments, by semantic convention.
        logs: whether records with a trace id are expected.
    """

    spans: tuple[SpanKind, ...]
    metrics: tuple[str, ...]
    logs: bool = True


URL_PREFIX: Final = {"http": "http://", "grpc": "dns:///"}
"""What stands before ``host:port`` in an address, by the protocol spoken there; gRPC has its own form of it."""


def url_variable(callee: str) -> str:
    """The environment variable that holds a callee's address: ``USER_SERVICE_URL`` for ``user-service``."""
    return f"{callee.upper().replace('-', '_')}_URL"


def url(callee: Service, namespace: str) -> str:
    """The address of a service, without a trailing slash: ``http://order-service.shop.svc.cluster.local:8082``."""
    return f"{URL_PREFIX[callee.protocol]}{service_host(callee.name, namespace)}:{callee.port}"


def callee_environment(catalog: Catalog, caller: str, namespace: str) -> dict[str, str]:
    """The variables by which a service finds those that it calls.

    Args:
        catalog: that declares the calls.
        caller: name of the service.
        namespace: where the callees run.

    Raises:
        KeyError: the caller is not in the catalogue.
    """
    return {url_variable(name): url(catalog.service(name), namespace) for name in catalog.service(caller).calls}


def signal_matrix(catalog: Catalog) -> dict[str, Signals]:
    """For each service what it must emit: the telemetry contract that the end-to-end tests poll for."""
    matrix = {}
    for service in catalog.services:
        called = [catalog.service(name).protocol for name in service.calls]
        spans: tuple[SpanKind, ...] = ("SERVER", "CLIENT") if called or service.stores else ("SERVER",)
        metrics = [
            _SERVER_METRIC[service.protocol],
            *(_CLIENT_METRIC[protocol] for protocol in called),
            *(_STORE_METRIC[catalog.store(name).system] for name in service.stores),
            *service.metrics,
        ]
        matrix[service.name] = Signals(spans=spans, metrics=tuple(dict.fromkeys(metrics)))
    return matrix


def service_edges(catalog: Catalog) -> tuple[tuple[str, str], ...]:
    """Pairs of caller and callee that traces must show, stores included."""
    return tuple((edge.caller, edge.callee) for edge in catalog.edges())


def topology(catalog: Catalog) -> str:
    """The catalogue as a Mermaid flow chart."""
    lines = ["flowchart LR"]
    lines += [f"    outside([outside]) --> {service.name}" for service in catalog.services if service.exposed]
    lines += [f"    {service.name}[{service.name}]" for service in catalog.services]
    lines += [f"    {store.name}[({store.name})]" for store in catalog.stores]
    lines += [f"    {edge.caller} -->|{edge.protocol}| {edge.callee}" for edge in catalog.edges()]
    return "\n".join(lines) + "\n"
