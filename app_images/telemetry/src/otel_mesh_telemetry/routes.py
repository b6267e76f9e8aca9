"""Route templates of ASGI applications, for names of low cardinality."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MAX_DEPTH = 16  # nested mounts; a deeper tree is a loop
_MAX_ROUTES = 8192  # cached routes; bounds the memory if an application creates routes dynamically
_PARAMETER = re.compile(r"\{[^{}/]*\}")


class _Place(NamedTuple):
    mounts: str
    """Template of the enclosing mounts."""
    template: str
    """Template of the whole path."""


class RouteIndex:
    """Index of route templates, e.g. ``/api/users/{id}``.

    Starlette and FastAPI store the matched route in ``scope["route"]``, but a route of a mounted application or an
    included router holds only its part of the path, and ``root_path`` holds the values of the mounts' parameters. The
    tree of routes is therefore walked once from the outermost router, and the whole template of each route cached.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, list[_Place]]] = {}

    def template(self, scope: Mapping[str, Any]) -> str | None:
        """The template of the matched route, after the application has handled the scope; None if no route matched."""
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
        self._walk(_routes_of(scope.get("router")) or _routes_of(scope.get("app")), "", _MAX_DEPTH)
        known = self._known.get(id(route))
        if known is None:
            # Not a tree of Starlette routes: fall back to the template of the route itself.
            self._add(route, _Place("", _path_of(route)))
            known = self._known[id(route)]
        return known

    def _walk(self, routes: Iterable[Any], prefix: str, depth: int) -> None:
        for route in routes:
            if len(self._known) >= _MAX_ROUTES:
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
        # A reference to the route is kept with its ID, so that the ID cannot be reused for another object.
        known = self._known.setdefault(id(route), (route, []))
        if place not in known[1]:
            known[1].append(place)


def _matched(scope: Mapping[str, Any]) -> object:
    route = scope.get("route")
    if route is not None and "fastapi" in scope:
        # The route of an included router, together with its prefix.
        context = scope["fastapi"].get("effective_route_context")
        if getattr(context, "original_route", None) is route:
            return context
    return route


def _routes_of(app: object) -> Iterable[Any]:
    """The routes of an application, router or mount, including those wrapped in middleware."""
    for _ in range(_MAX_DEPTH):
        if app is None:
            break
        if routes := getattr(app, "routes", None):
            return list(routes)
        app = getattr(app, "app", None)
    return ()


def _mounted_at(places: list[_Place], root_path: str) -> _Place:
    """The place of a route that is mounted several times, selected by the path matched by its mounts."""
    for place in sorted(places, key=lambda place: -len(place.mounts)):
        pattern = "[^/]+".join(map(re.escape, _PARAMETER.split(place.mounts)))
        if re.search(pattern + r"\Z", root_path):
            return place
    return places[0]


def _path_of(route: object) -> str:
    return str(getattr(route, "path_format", None) or getattr(route, "path", "") or "")
