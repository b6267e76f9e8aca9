"""Low-cardinality names of the routes of an ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

_DEPTH = 16  # mounts inside mounts; a tree deeper than that is a loop


class RouteIndex:
    """Template of the route that served a request, e.g. ``/api/users/{id}``.

    Starlette and FastAPI leave the matched route in ``scope["route"]``, but a mounted route knows only its own
    part of the path, and ``root_path`` holds the values of the mount's parameters. So the tree of routes is
    walked once per application and the full template of each route object is remembered.
    """

    def __init__(self) -> None:
        self._templates: dict[int, tuple[object, str]] = {}

    def template(self, scope: MutableMapping[str, Any]) -> str | None:
        """The template for a scope that the application has handled; None when no route matched."""
        route = scope.get("route")
        if route is None:
            return None
        known = self._templates.get(id(route))
        if known is None or known[0] is not route:
            app = scope.get("app")
            self._walk(getattr(app, "routes", ()) or (), "", _DEPTH)
            known = self._templates.get(id(route))
            if known is None or known[0] is not route:
                # A router that is no Starlette tree: the route's own template is the best there is.
                known = (route, str(getattr(route, "path", "")))
                self._templates[id(route)] = known
        return known[1] or None

    def _walk(self, routes: Iterable[Any], prefix: str, depth: int) -> None:
        for route in routes:
            path = prefix + _path_of(route)
            children = getattr(route, "routes", None)
            # The route itself is kept beside its id, so that the id cannot be given to another object.
            self._templates[id(route)] = (route, path if children is None else f"{path}/{{path}}")
            if children and depth:
                self._walk(children, path, depth - 1)


def _path_of(route: object) -> str:
    path = getattr(route, "path_format", None) or getattr(route, "path", "") or ""
    if getattr(route, "routes", None) is not None:
        return str(getattr(route, "path", "") or "")
    return str(path)
