"""The ASGI application of a service: its routes with all that every service has around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware

from otel_mesh_telemetry import ServerMiddleware
from otel_mesh_telemetry.server_features import features_from
from service_kit.problem import HANDLERS
from service_kit.requests import RequestLog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from starlette.routing import Route
    from starlette.types import ASGIApp

    from otel_mesh_telemetry.features import Feature
    from otel_mesh_telemetry.providers import Providers
    from service_kit.probes import Probes


def application(
    routes: Sequence[Route],
    probes: Probes,
    lifespan: Callable[[Any], AbstractAsyncContextManager[None]],
    telemetry: Providers,
    features: Sequence[Feature] = (),
) -> ASGIApp:
    """Routes with probes, problem+json for errors, a log line and a span per request.

    Args:
        routes: of the service.
        probes: answered beside them, without span and line.
        lifespan: holds what the routes need while the service runs.
        telemetry: where spans and measurements go.
        features: of the middleware beside those that the environment asks for.

    Raises:
        ConfigError: the environment asks for a feature of the middleware that is not known.
    """
    app = Starlette(
        routes=[*routes, *probes.routes()],
        exception_handlers=HANDLERS,
        middleware=[Middleware(RequestLog)],
        lifespan=lifespan,
    )
    return ServerMiddleware(
        app,
        features=[*features_from(), *features],
        tracer_provider=telemetry.tracer_provider,
        meter_provider=telemetry.meter_provider,
    )
