"""The ASGI application of a service: its routes with probes, error handling, request log and telemetry."""

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
    """An application with probes, problem+json errors, and a log line and span per request.

    Args:
        routes: Routes of the service.
        probes: Probes, served without span and log line.
        lifespan: Lifespan context manager that holds the service's resources.
        telemetry: Providers of tracers and meters.
        features: Server features in addition to those configured in the environment.

    Raises:
        ConfigError: The environment configures an unknown server feature.
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
