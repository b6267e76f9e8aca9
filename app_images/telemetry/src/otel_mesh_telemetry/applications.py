"""One call that lets an application take part in traces, whatever it is made with."""

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

    Application = Any  # of frameworks that are not imported here

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
    """Start telemetry, make the application's requests visible and the calls that it makes.

    Call it once, where the application is made, before engines and connections of databases are. The application is
    changed in place.

    Args:
        app: a FastAPI, Starlette or Flask application, or Django's ASGI or WSGI handler; none for a program that
            serves nothing, such as a script or a worker.
        config: settings; by default from the environment.
        features: what else is read from a request; by default what the environment asks for.
        libraries: whether the official instrumentations that are installed (HTTP clients, databases, Celery) are
            switched on.

    Returns:
        The application.

    Raises:
        ConfigError: the environment holds values that are not understood.
        ImportError: the official instrumentation of Flask or Django is missing; the message names the extra.
        TypeError: the application is of none of these kinds.
    """
    serve = _server_of(app)
    chosen = features_from() if features is None else features
    init(config)
    # Imported here: it costs what a program without official instrumentations should not pay.
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
        f"instrument({type(app).__name__}): no FastAPI, Starlette, Flask or Django application; "
        "wrap an ASGI application of another kind in ServerMiddleware"
    )


def _nothing(_app: Application, _features: Sequence[Feature]) -> None:
    """A program that serves nothing."""


def _asgi(app: Application, features: Sequence[Feature]) -> None:
    import_module("otel_mesh_telemetry.asgi_applications").serve_traced(app, features)


def _flask(app: Application, features: Sequence[Feature]) -> None:
    official = _official("flask")
    if not getattr(app, "_is_instrumented_by_opentelemetry", False):  # by a start without code
        official.FlaskInstrumentor.instrument_app(app, **_options("flask", features))


def _django(app: Application, features: Sequence[Feature]) -> None:
    instrumentor = _official("django").DjangoInstrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument(**_options("django", features))
        # The handler read its middleware when it was made. Django calls its ASGI handler as a coroutine.
        app.load_middleware(is_async=iscoroutinefunction(type(app).__call__))


def _options(framework: str, features: Sequence[Feature]) -> dict[str, Any]:
    made: dict[str, Any] = import_module("otel_mesh_telemetry.wsgi_hooks").server_options(framework, features)
    return made


def _official(framework: str) -> Any:  # noqa: ANN401 - a module without types
    try:
        return import_module(f"opentelemetry.instrumentation.{framework}")
    except ImportError as error:
        raise ImportError(
            f'{framework}: its instrumentation is not installed; pip install "otel-mesh-telemetry[{framework}]"'
        ) from error


_SERVERS: Final[dict[str, Callable[[Any, Sequence[Feature]], None]]] = {
    "builtins.NoneType": _nothing,
    "django.core.handlers.asgi.ASGIHandler": _django,
    "django.core.handlers.wsgi.WSGIHandler": _django,
    "fastapi.applications.FastAPI": _asgi,
    "flask.app.Flask": _flask,
    "starlette.applications.Starlette": _asgi,
}
