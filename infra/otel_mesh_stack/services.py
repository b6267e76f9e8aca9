"""This platform's catalogue: which services there are, and which of them may call which."""

from __future__ import annotations

from typing import Final

from otel_mesh.catalog import Catalog, Service, Store

POSTGRES: Final = "postgres"

CATALOG: Final = Catalog(
    name="shop",
    services=(
        Service(name="api-gateway", port=8080, calls=("user-service",), exposed=True),
        Service(name="user-service", port=8081, stores=(POSTGRES,)),
    ),
    stores=(Store(name=POSTGRES, port=5432, system="postgresql"),),
)


def database_of(service: str) -> str:
    """The database of a service: each has its own, named after it."""
    return service.replace("-", "_")


def databases() -> tuple[str, ...]:
    """The databases that PostgreSQL must hold."""
    return tuple(database_of(service.name) for service in CATALOG.services if POSTGRES in service.stores)
