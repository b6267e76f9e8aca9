"""HTTP interface of user-service: ``GET /users/{id}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from service_kit.application import application
from service_kit.database import UnavailableError
from service_kit.identifiers import positive_id
from service_kit.probes import Probes
from service_kit.problem import Problem
from user_service.users import Users

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from otel_mesh_telemetry.providers import Providers
    from service_kit.settings import Environment


class UserRoutes:
    """HTTP handlers of users."""

    def __init__(self, users: Users) -> None:
        self._users = users

    async def get(self, request: Request) -> JSONResponse:
        """``GET /users/{id}``: 200, 400 for an invalid ID, 404 for an unknown user, 503 without a database."""
        user_id = positive_id(request.path_params["id"])
        try:
            user = await self._users.get(user_id)
        except UnavailableError as error:
            raise Problem(503, "the database is unavailable", {"Retry-After": "1"}) from error
        if user is None:
            raise Problem(404, f"user {user_id} does not exist")
        return JSONResponse(user.model_dump())


def build(environment: Environment, telemetry: Providers) -> tuple[ASGIApp, Probes]:
    """The application configured by the environment, and its probes.

    Raises:
        SettingsError: A variable is missing or invalid.
    """
    users = Users.from_environment(environment, telemetry)
    probes = Probes(users.check)
    routes = [Route("/users/{id}", UserRoutes(users).get)]
    return application(routes, probes, lambda _app: users.opened(), telemetry), probes
