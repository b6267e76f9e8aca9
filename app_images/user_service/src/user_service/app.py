"""HTTP interface of user-service: ``GET /users/{id}``."""

from __future__ import annotations

import contextlib
from importlib.resources import files
from typing import TYPE_CHECKING

from pydantic import BaseModel
from starlette.responses import JSONResponse
from starlette.routing import Route

from service_kit.application import application
from service_kit.database import Database, DatabaseSettings, UnavailableError
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


class User(BaseModel):
    """A user as the interface shows them."""

    id: int
    name: str
    email: str


class Users:
    """Handlers over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, request: Request) -> JSONResponse:
        """``GET /users/{id}``: 200, 400 for no id, 404 for no such user, 503 without a database."""
        user_id = positive_id(request.path_params["id"])
        try:
            row = await self._database.fetch_one("SELECT id, name, email FROM users WHERE id = %s", [user_id])
        except UnavailableError as error:
            raise Problem(503, "the database does not answer", {"Retry-After": "1"}) from error
        if row is None:
            raise Problem(404, f"there is no user {user_id}")
        return JSONResponse(User(id=row[0], name=row[1], email=row[2]).model_dump())


def build(environment: Environment, telemetry: Providers) -> tuple[ASGIApp, Probes]:
    """The application from its environment.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    database = Database(
        DatabaseSettings.from_environment(environment),
        service="user-service",
        migrations=files("user_service") / "migrations",
        tracer_provider=telemetry.tracer_provider,
        meter_provider=telemetry.meter_provider,
    )
    probes = Probes(database.check)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await database.open()
        try:
            yield
        finally:
            await database.close()

    return application([Route("/users/{id}", Users(database).get)], probes, lifespan, telemetry), probes
