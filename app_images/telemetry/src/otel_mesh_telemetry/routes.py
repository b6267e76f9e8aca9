"""Low-cardinality names of the routes of an ASGI application."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DEPTH = 16  # mounts inside mounts; a tree deeper than that is a loop
_MOST = 8192  # routes remembered; an application that makes routes as it goes must not fill the memory
_PARAMETER = re.compile(r"\{[^{}/]*\}")


class _Place(NamedTuple):
    mounts: str
    """Template of the mounts that the route is in."""
    template: str
    """The whole template."""


class RouteIndex:
    """Template of the route that served a request, e.g. ``/api/users/{id}``.

    Starlette and FastAPI leave the matched route in ``scope["route"]``, but a route in a mounted application or in an
    included router knows only its own part of the path, and ``root_path`` holds the values of the mounts' parameters.
    So the tree of routes is walked once, from the outermost router, and the whole template of each route is remembered.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, list[_Place]]] = {}

    def template(self, scope: Mapping[str, Any]) -> str | None:
        """The template for a scope that the application has handled; None when no route matched."""
        route = _matched(scope)
        if route is None:
            return None
        known = self._known.get(id(route))
        if known is None or known[0] is not route:
            known = self._find(route, scope)
        places = known[1]
        return (places[0] if len(places) == 1 else _mounted_at(places, scope.get("root_path", ""))).template or None

    def _find(self, route: object, scope: Mapping[str, Any]) -> tuple[object, list[_Place]]:
        self._known = {}
        # "app" is the innermost application, "router" the outermost router.
        self._walk(_routes_of(scope.get("router")) or _routes_of(scope.get("app")), "", _DEPTH)
        known = self._known.get(id(route))
        if known is None:
            # A router that is no Starlette tree: the route's own template is the best there is.
            self._add(route, _Place("", _path_of(route)))
            known = self._known[id(route)]
        return known

    def _walk(self, routes: Iterable[Any], prefix: str, depth: int) -> None:
        for route in routes:
            if len(self._known) >= _MOST:
                return
            if (included := getattr(route, "effective_route_contexts", None)) is not None:  # FastAPI's included router
                for context in included():
                    self._add(context, _Place(prefix, prefix + _path_of(context)))
                continue
            mounted = hasattr(route, "routes") or (hasattr(route, "app") and not hasattr(route, "endpoint"))
            if not mounted:
                self._add(route, _Place(prefix, prefix + _path_of(route)))
                continue
            path = prefix + str(getattr(route, "path", "") or "")
            self._add(route, _Place(prefix, f"{path}/{{path}}"))
            if depth:
                self._walk(_routes_of(route), path, depth - 1)

    def _add(self, route: object, place: _Place) -> None:
        # The route itself is kept beside its id, so that the id cannot be given to another object.
        known = self._known.setdefault(id(route), (route, []))
        if place not in known[1]:
            known[1].append(place)


def _matched(scope: Mapping[str, Any]) -> object:
    route = scope.get("route")
    if route is not None and "fastapi" in scope:
        # The route of an included router, with the prefix that it was included under.
        context = scope["fastapi"].get("effective_route_context")
        if getattr(context, "original_route", None) is route:
            return context
    return route


def _routes_of(app: object) -> Iterable[Any]:
    """The routes of an application, a router or a mount, also inside of middleware."""
    for _ in range(_DEPTH):
        if app is None:
            break
        if routes := getattr(app, "routes", None):
            return list(routes)
        app = getattr(app, "app", None)
    return ()


def _mounted_at(places: list[_Place], root_path: str) -> _Place:
    """The place of a route that is mounted more than once, by the path that its mounts have matched."""
    for place in sorted(places, key=lambda place: -len(place.mounts)):
        pattern = "[^/]+".join(map(re.escape, _PARAMETER.split(place.mounts)))
        if re.search(pattern + r"\Z", root_path):
            return place
    return places[0]


def _path_of(route: object) -> str:
    return str(getattr(route, "path_format", None) or getattr(route, "path", "") or "")
