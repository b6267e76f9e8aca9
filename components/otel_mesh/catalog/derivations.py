"""Derivations of a catalog: addresses for callers, the telemetry contract, a diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from otel_mesh.core.network import service_host
from otel_mesh.core.values import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh.catalog.external import ExternalCall
    from otel_mesh.catalog.model import Catalog, Service

SpanKind = Literal["SERVER", "CLIENT"]

_SERVER_METRIC: Final = {"http": "http.server.request.duration", "grpc": "rpc.server.call.duration"}
_CLIENT_METRIC: Final = {"http": "http.client.request.duration", "grpc": "rpc.client.call.duration"}
_STORE_METRIC: Final = {"postgresql": "db.client.operation.duration", "redis": "db.client.operation.duration"}


class Signals(Settings):
    """The telemetry that a service must emit once it has served a request.

    Attributes:
        spans: Kinds of the spans.
        metrics: Names of the instruments.
        logs: Whether log records with a trace ID are expected.
    """

    spans: tuple[SpanKind, ...]
    metrics: tuple[str, ...]
    logs: bool = True


URL_PREFIX: Final = {"http": "http://", "grpc": "dns:///"}
"""Prefix of ``host:port`` in an address, by protocol; gRPC has a URL scheme of its own."""


def url_variable(callee: str) -> str:
    """The environment variable with a callee's address: ``USER_SERVICE_URL`` for ``user-service``."""
    return f"{callee.upper().replace('-', '_')}_URL"


def url(callee: Service, namespace: str) -> str:
    """The address of a service, without a trailing slash: ``http://order-service.shop.svc.cluster.local:8082``."""
    return f"{URL_PREFIX[callee.protocol]}{service_host(callee.name, namespace)}:{callee.port}"


def callee_environment(catalog: Catalog, caller: str, namespace: str) -> dict[str, str]:
    """Environment variables with the addresses of a service's callees.

    Args:
        catalog: Catalog that declares the calls.
        caller: Name of the calling service.
        namespace: Namespace of the callees.

    Raises:
        KeyError: The caller is not in the catalog.
    """
    return {url_variable(name): url(catalog.service(name), namespace) for name in catalog.service(caller).callees}


def signal_matrix(catalog: Catalog) -> dict[str, Signals]:
    """The signals that each service must emit, by name: the telemetry contract."""
    matrix = {}
    for service in catalog.services:
        called = [catalog.service(name).protocol for name in service.callees]
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
    """Pairs of caller and callee that traces must show, including stores."""
    return tuple((edge.caller, edge.callee) for edge in catalog.edges())


def topology(catalog: Catalog) -> str:
    """The catalog as a Mermaid flowchart."""
    lines = ["flowchart LR"]
    lines += [f"    outside([outside]) --> {service.name}" for service in catalog.services if service.exposed]
    lines += [f"    {service.name}[{service.name}]" for service in catalog.services]
    lines += [f"    {store.name}[({store.name})]" for store in catalog.stores]
    lines += [f"    {edge.caller} -->|{edge.protocol}| {edge.callee}" for edge in catalog.edges()]
    return "\n".join(lines) + "\n"


def with_outside_stores(catalog: Catalog, outside: Mapping[str, ExternalCall | None]) -> Catalog:
    """The catalog of what runs in its namespace, for access, egress and network connections.

    Args:
        catalog: Catalog that declares the stores.
        outside: Stores that run elsewhere, by name: the host that their users call in their place; None for one that
            is a Service of another namespace.
    """

    def placed(service: Service) -> Service:
        calls = [outside[name] for name in service.stores if name in outside]
        kept = tuple(name for name in service.stores if name not in outside)
        further = tuple(call for call in calls if call is not None)
        return service.model_copy(update={"stores": kept, "external_calls": (*service.external_calls, *further)})

    stores = tuple(one for one in catalog.stores if one.name not in outside)
    return catalog.model_copy(update={"services": tuple(map(placed, catalog.services)), "stores": stores})
