"""HTTP interface of the gateway: ``GET /api/users/{id}`` and ``POST /api/orders``."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from api_gateway.checkout import Checkout
from api_gateway.orders import Orders
from api_gateway.users import User, Users, users_from
from otel_mesh_telemetry.http_client import mesh_client
from otel_mesh_telemetry.retries import Retries
from service_kit.application import application
from service_kit.experiments import CONTROL, EXPERIMENT, features, order_patience
from service_kit.identifiers import positive_id
from service_kit.probes import Probes
from service_kit.problem import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from otel_mesh_telemetry.providers import Providers
    from service_kit.settings import Environment


class Gateway:
    """HTTP handlers of users."""

    def __init__(self, users: Users) -> None:
        self._users = users

    async def get_user(self, request: Request) -> JSONResponse:
        """``GET /api/users/{id}``: 200, 400 for an invalid ID, 404 if unknown, 502 to 504 if user-service fails."""
        user = await self.find_user(positive_id(request.path_params["id"]))
        return JSONResponse(user.model_dump())

    async def find_user(self, user_id: int) -> User:
        """A user from user-service.

        Raises:
            Problem: 404 if the user does not exist; 502 to 504 if user-service fails.
        """
        user = await self._users.get(user_id)
        if user is None:
            raise Problem(404, f"user {user_id} does not exist")
        return user


def build(environment: Environment, telemetry: Providers) -> tuple[ASGIApp, Probes]:
    """The application configured by the environment, and its probes.

    Raises:
        SettingsError: A variable is missing or invalid.
    """
    users = users_from(environment, telemetry)
    orders = mesh_client(
        environment.url("ORDER_SERVICE_URL"),
        peer="order-service",
        timeout=environment.number("ORDER_TIMEOUT_SECONDS", 8.0, low=0.05, high=30),
        retries=Retries(attempts=2),  # for requests that were not sent, and orders with an Idempotency-Key
        tracer_provider=telemetry.tracer_provider,
        meter_provider=telemetry.meter_provider,
    )
    gateway = Gateway(users)
    experiment = order_patience(environment)
    patience = {
        # below the 10 s that the mesh's route gives a request
        CONTROL: environment.number("ORDER_DEADLINE_SECONDS", 9.0, low=0.05, high=30),
        EXPERIMENT: environment.number("ORDER_PATIENCE_SECONDS", 6.0, low=0.05, high=30),
    }
    ordering = Orders(
        gateway.find_user,
        orders,
        telemetry.tracer_provider.get_tracer("api_gateway"),
        Checkout(patience, experiment, telemetry.meter_provider),
    )
    probes = Probes()

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with users.opened(), orders:
            yield

    routes = [
        Route("/api/users/{id}", gateway.get_user),
        Route("/api/orders", ordering.create, methods=["POST"]),
    ]
    return application(routes, probes, lifespan, telemetry, features(experiment)), probes
