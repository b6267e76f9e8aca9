"""Server spans for Starlette and FastAPI, with and without changes to the application."""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any, Final

import wrapt
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined] # no types upstream

from otel_mesh_telemetry.asgi import PROBES, ServerMiddleware
from otel_mesh_telemetry.server_features import features_from

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from types import ModuleType

    from otel_mesh_telemetry.asgi import Receive, Scope, Send
    from otel_mesh_telemetry.features import Feature

_SERVED_ATTRIBUTE: Final = "_otel_mesh_served"
_FASTAPI_OWN: Final = "fastapi.telemetry"


def serve_traced(app: Any, features: Sequence[Feature], exclude: Collection[str] = PROBES) -> None:  # noqa: ANN401 - Starlette and FastAPI are not imported here
    """Wrap an application in the server middleware, in place; later calls do nothing.

    The application's class is replaced by a subclass, because Python looks up ``__call__`` on the class and because
    only there the middleware is outside FastAPI's own telemetry. That telemetry would record each request a second
    time, with three more spans and at three times the cost.
    """
    base = type(app)
    if getattr(base, _SERVED_ATTRIBUTE, False):
        return
    served = ServerMiddleware(MethodType(base.__call__, app), features=features, exclude=exclude)

    async def call(_app: object, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            scope.setdefault(_FASTAPI_OWN, None)  # disables FastAPI's own telemetry
        await served(scope, receive, send)

    about = {"__module__": base.__module__, "__qualname__": base.__qualname__, "__doc__": base.__doc__}
    app.__class__ = type(base.__name__, (base,), {**about, "__call__": call, _SERVED_ATTRIBUTE: True})


class AsgiInstrumentor(BaseInstrumentor):  # type: ignore[misc] # as above
    """Instrumentation ``otel_mesh_asgi``: traces every Starlette and FastAPI application created afterwards."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """No dependencies: a framework that is not installed is never imported."""
        return ()

    def _instrument(self, **_options: Any) -> None:  # noqa: ANN401 - none are known
        self._features = features_from()
        self._enabled = True
        for name, kind in (("starlette.applications", "Starlette"), ("fastapi.applications", "FastAPI")):
            wrapt.register_post_import_hook(self._hook(kind), name)

    def _hook(self, kind: str) -> Any:  # noqa: ANN401 - wrapt's own types
        def patch(module: ModuleType) -> None:
            wrapt.wrap_function_wrapper(module, f"{kind}.__init__", self._init)

        return patch

    def _init(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:  # noqa: ANN401 - wrapt's own types
        wrapped(*args, **kwargs)
        if self._enabled:
            serve_traced(instance, self._features)

    def _uninstrument(self, **_options: Any) -> None:  # noqa: ANN401 - none are known
        self._enabled = False
