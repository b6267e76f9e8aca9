"""Telemetry for an existing application of any supported framework, with one call."""

from __future__ import annotations

from importlib import import_module
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from otel_mesh_telemetry.handle import init
from otel_mesh_telemetry.server_features import features_from

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_mesh_telemetry.config import Config
    from otel_mesh_telemetry.features import Feature

    Application = Any  # the frameworks are not imported here

A = TypeVar("A")


@overload
def instrument(*, config: Config | None = None, libraries: bool = True) -> None: ...


@overload
def instrument(
    app: A, *, config: Config | None = None, features: Sequence[Feature] | None = None, libraries: bool = True
) -> A: ...


def instrument(
    app: Any = None,
    *,
    config: Config | None = None,
    features: Sequence[Feature] | None = None,
    libraries: bool = True,
) -> Any:
    """Start telemetry and trace the application's requests and outgoing calls.

    Call it once, where the application is created, before database engines and connections. The application is
    modified in place.

    Args:
        app: FastAPI, Starlette or Flask application, or Django's ASGI or WSGI handler; None for a program without a
            server, such as a script or a worker.
        config: Settings of telemetry; read from the environment by default.
        features: Server features; those configured in the environment by default.
        libraries: True: enable the installed official instrumentations (HTTP clients, databases, Celery).

    Returns:
        The application.

    Raises:
        ConfigError: The environment holds invalid values.
        ImportError: The official instrumentation of Flask or Django is missing; the message names the extra.
        TypeError: The application's framework is not supported.
    """
    serve = _server_of(app)
    chosen = features_from() if features is None else features
    init(config)
    # Imported here so that programs without official instrumentations do not pay for the import.
    switch = import_module("otel_mesh_telemetry.libraries")
    switch.prefer_stable_conventions()
    if libraries:
        switch.instrument_libraries()
    serve(app, chosen)
    return app


def _server_of(app: object) -> Callable[[Any, Sequence[Feature]], None]:
    for base in type(app).__mro__:
        if (serve := _SERVERS.get(f"{base.__module__}.{base.__qualname__}")) is not None:
            return serve
    raise TypeError(
        f"instrument({type(app).__name__}): not a FastAPI, Starlette, Flask or Django application; "
        "wrap any other ASGI application in ServerMiddleware"
    )


def _nothing(_app: Application, _features: Sequence[Feature]) -> None:
    """A program without a server."""


def _asgi(app: Application, features: Sequence[Feature]) -> None:
    import_module("otel_mesh_telemetry.asgi_applications").serve_traced(app, features)


def _flask(app: Application, features: Sequence[Feature]) -> None:
    official = _official("flask")
    if not getattr(app, "_is_instrumented_by_opentelemetry", False):  # it is if opentelemetry-instrument started it
        official.FlaskInstrumentor.instrument_app(app, **_options("flask", features))


def _django(app: Application, features: Sequence[Feature]) -> None:
    instrumentor = _official("django").DjangoInstrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument(**_options("django", features))
        # The handler has loaded its middleware already. Django calls its ASGI handler as a coroutine.
        app.load_middleware(is_async=iscoroutinefunction(type(app).__call__))


def _options(framework: str, features: Sequence[Feature]) -> dict[str, Any]:
    options: dict[str, Any] = import_module("otel_mesh_telemetry.wsgi_hooks").server_options(framework, features)
    return options


def _official(framework: str) -> Any:  # noqa: ANN401 - a module without types
    try:
        return import_module(f"opentelemetry.instrumentation.{framework}")
    except ImportError as error:
        raise ImportError(
            f'{framework}: the instrumentation is not installed; pip install "otel-mesh-telemetry[{framework}]"'
        ) from error


_SERVERS: Final[dict[str, Callable[[Any, Sequence[Feature]], None]]] = {
    "builtins.NoneType": _nothing,
    "django.core.handlers.asgi.ASGIHandler": _django,
    "django.core.handlers.wsgi.WSGIHandler": _django,
    "fastapi.applications.FastAPI": _asgi,
    "flask.app.Flask": _flask,
    "starlette.applications.Starlette": _asgi,
}
