"""Conditions of the Gateway API's routes in the form of a VirtualService's, and the order in which they apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.objects import mapping, mappings, text
from otel_mesh_cli.review import matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_mesh_cli.review.matches import Match

_SAFE: Final = ("GET", "HEAD")
_KINDS: Final = {"Exact": "exact", "RegularExpression": "regex", "PathPrefix": "prefix"}
Rank = tuple[int, ...]


def conditions(kind: str, alternatives: object) -> list[Match]:
    """Alternatives of a rule as of a VirtualService's; those for GET and for HEAD are one.

    Args:
        kind: Kind of the route: HTTPRoute or GRPCRoute.
        alternatives: Field ``matches`` of the rule.
    """
    form = _http if kind == "HTTPRoute" else _grpc
    found = [made for _, one in mappings(alternatives) for made in form(one)] or [{}]
    return list(_with_safe_methods(found))


def rank(alternatives: Iterable[Match]) -> Rank:
    """Precedence of a rule by the Gateway API: of the rules that match a request, the greatest applies.

    Args:
        alternatives: Alternatives as of `conditions`, which may have the fields ``authority`` and ``sourceNamespace``.
    """
    return max(map(_rank, matches.merged(alternatives)), default=())


def _rank(one: Match) -> Rank:
    host = str(mapping(one.get("authority")).get("exact", ""))
    uri = mapping(one.get("uri"))
    path = str(next(iter(uri.values()), ""))
    counts = (len(mapping(one.get(name))) for name in ("headers", "queryParams"))
    is_whole = bool(host) and not host.startswith("*")
    return ("sourceNamespace" in one, is_whole, len(host), "exact" in uri, len(path), "method" in one, *counts)


def _http(match: dict[str, Any]) -> Iterator[Match]:
    made: dict[str, Any] = {}
    if match.get("method"):
        made["method"] = {"exact": match["method"]}
    for source, name in (("headers", "headers"), ("queryParams", "queryParams")):
        if named := _named(match.get(source)):
            made[name] = named
    path = mapping(match.get("path"))
    value, kind = text(path.get("value")) or "/", text(path.get("type")) or "PathPrefix"
    if kind != "PathPrefix":
        yield {**made, "uri": {_KINDS.get(kind, "regex"): value}}
    elif base := value.rstrip("/"):
        # whole segments only: the path itself, and all below it
        yield {**made, "uri": {"exact": base}}
        yield {**made, "uri": {"prefix": f"{base}/"}}
    else:
        yield made


def _grpc(match: dict[str, Any]) -> Iterator[Match]:
    made: dict[str, Any] = {}
    if named := _named(match.get("headers")):
        made["headers"] = named
    called = mapping(match.get("method"))
    service, method = text(called.get("service")), text(called.get("method"))
    if called.get("type") == "RegularExpression" or (method and not service):
        made["uri"] = {"regex": f"/{service or '[^/]+'}/{method or '.+'}"}
    elif service:
        made["uri"] = {"exact": f"/{service}/{method}"} if method else {"prefix": f"/{service}/"}
    yield made


def _named(given: object) -> dict[str, dict[str, Any]]:
    """Headers or parameters of a query with their conditions, by name."""
    return {
        text(one.get("name")).lower(): {_KINDS.get(text(one.get("type")), "exact"): one.get("value")}
        for _, one in mappings(given)
    }


def _with_safe_methods(given: list[Match]) -> Iterator[Match]:
    """The alternatives, with one for GET and HEAD in place of two that differ in nothing else."""
    get, head = ({"exact": name} for name in _SAFE)
    for one in given:
        if one.get("method") == get and {**one, "method": head} in given:
            yield {**one, "method": {"regex": "|".join(_SAFE)}}
        elif not (one.get("method") == head and {**one, "method": get} in given):
            yield one
