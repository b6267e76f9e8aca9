"""Server spans for Starlette and FastAPI without a line in the application, or with one."""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any, Final

import wrapt
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined] # checked by nobody upstream

from otel_mesh_telemetry.asgi import PROBES, ServerMiddleware
from otel_mesh_telemetry.server_features import features_from

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from types import ModuleType

    from otel_mesh_telemetry.asgi import Receive, Scope, Send
    from otel_mesh_telemetry.features import Feature

_MARK: Final = "_otel_mesh_served"
_FASTAPI_OWN: Final = "fastapi.telemetry"


def serve_traced(app: Any, features: Sequence[Feature], exclude: Collection[str] = PROBES) -> None:  # noqa: ANN401 - Starlette or FastAPI, neither of which is imported here
    """Put the server middleware around everything that an application does, in place; once only.

    The application gets a class of its own, because Python looks for ``__call__`` there and because nothing less is
    outside of FastAPI's own telemetry, which would tell each request a second time, with three more spans and at
    three times the cost.
    """
    base = type(app)
    if getattr(base, _MARK, False):
        return
    served = ServerMiddleware(MethodType(base.__call__, app), features=features, exclude=exclude)

    async def call(_app: object, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            scope.setdefault(_FASTAPI_OWN, None)  # FastAPI steps back where the key is there
        await served(scope, receive, send)

    about = {"__module__": base.__module__, "__qualname__": base.__qualname__, "__doc__": base.__doc__}
    app.__class__ = type(base.__name__, (base,), {**about, "__call__": call, _MARK: True})


class AsgiInstrumentor(BaseInstrumentor):  # type: ignore[misc] # as above
    """Instrumentation ``otel_mesh_asgi``: every Starlette and FastAPI application that is made from now on."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: a framework that is not installed is never imported."""
        return ()

    def _instrument(self, **_options: Any) -> None:  # noqa: ANN401 - none are known
        self._features = features_from()
        self._on = True
        for name, kind in (("starlette.applications", "Starlette"), ("fastapi.applications", "FastAPI")):
            wrapt.register_post_import_hook(self._hook(kind), name)

    def _hook(self, kind: str) -> Any:  # noqa: ANN401 - wrapt's own types
        def patch(module: ModuleType) -> None:
            wrapt.wrap_function_wrapper(module, f"{kind}.__init__", self._made)

        return patch

    def _made(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:  # noqa: ANN401 - wrapt's own types
        wrapped(*args, **kwargs)
        if self._on:
            serve_traced(instance, self._features)

    def _uninstrument(self, **_options: Any) -> None:  # noqa: ANN401 - none are known
        self._on = False
