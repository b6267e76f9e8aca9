"""The catalog of this platform: its services and the calls between them.

Plain data, so that all errors are found together; the keys are the fields of `Service` and `Store`.
"""

from __future__ import annotations

from typing import Final

from otel_mesh import Catalog, parse

POSTGRES: Final = "postgres"
REDIS: Final = "redis"

_USERS: Final = {"service": "user-service", "routes": [{"rpc": "shop.user.v1.UserService/GetUser"}]}
_ORDERS: Final = {"service": "order-service", "routes": [{"methods": ["POST"], "path": "/orders"}]}
_PAYMENTS: Final = {
    "service": "payment-service",
    "routes": [{"methods": ["POST"], "path": "/payments"}, {"methods": ["POST"], "path": "/cancellations"}],
}

_DATA: Final = {
    "name": "shop",
    "services": [
        {
            "name": "api-gateway",
            "port": 8080,
            "calls": [_USERS, _ORDERS],
            "metrics": ["shop.checkout.duration"],
            "exposed": True,
        },
        {
            "name": "user-service",
            "port": 8081,
            "protocol": "grpc",
            "stores": [REDIS, POSTGRES],
            "metrics": ["shop.cache.lookups"],
        },
        {
            "name": "order-service",
            "port": 8082,
            "calls": [_PAYMENTS],
            "stores": [POSTGRES],
            "metrics": ["shop.orders", "shop.orders.dead"],
        },
        {"name": "payment-service", "port": 8083, "stores": [POSTGRES], "metrics": ["shop.payments"]},
    ],
    "stores": [
        {"name": POSTGRES, "port": 5432, "system": "postgresql"},
        {"name": REDIS, "port": 6379, "system": "redis"},
    ],
}

OPEN_PATHS: Final = ("/api/orders", "/livez", "/readyz")
"""Paths of the exposed service that need no token at a gateway with tokens; paths with personal data need one."""

CATALOG: Final = parse(Catalog, _DATA, "catalog")


def database_of(service: str) -> str:
    """The name of a service's database."""
    return service.replace("-", "_")


def databases() -> tuple[str, ...]:
    """The names of all services' databases."""
    return tuple(database_of(service.name) for service in CATALOG.services if POSTGRES in service.stores)
