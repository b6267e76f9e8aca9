"""Risks to connections: mutual TLS, workloads that leave the mesh, faults, retries, routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh_cli.review.kinds import Kind, Risk
from otel_mesh_cli.review.transport import STRENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh_cli.review.model import Version
    from otel_mesh_cli.review.transport import Route

_PRODUCTION: Final = "production"
_ABSENT: Final = "not set"


def risks(before: Version, after: Version) -> Iterator[Risk]:
    """Weaker mutual TLS, workloads without their proxy, faults, retries that multiply, and moved traffic.

    Args:
        before: The base.
        after: The proposed version.
    """
    yield from _mtls(before, after)
    for place in sorted(before.workloads.keys() & after.workloads.keys()):
        if before.is_meshed(place) and not after.is_meshed(place):
            reason = "its traffic is neither encrypted nor authorized nor traced by the mesh"
            yield Risk(Kind.LEAVES, place, "has a proxy", "has none", reason)
    yield from _faults(before, after)
    yield from _retries(before, after)
    yield from _traffic(before, after)


def _mtls(before: Version, after: Version) -> Iterator[Risk]:
    for scope in sorted(before.mtls.keys() | after.mtls.keys()):
        old, new = before.mtls.get(scope, "UNSET"), after.mtls.get(scope, "UNSET")
        if STRENGTH[new] < STRENGTH[old]:
            reason = {
                "DISABLE": "traffic is sent in plaintext",
                "PERMISSIVE": "plaintext callers are accepted, without an identity",
                "UNSET": "a wider scope decides, by default PERMISSIVE",
            }[new]
            yield Risk(Kind.MTLS, scope, old, _ABSENT if new == "UNSET" else new, reason)


def _faults(before: Version, after: Version) -> Iterator[Risk]:
    if after.environment != _PRODUCTION:
        return
    known = {(route.owner, route.match, route.fault) for route in before.routes}
    for route in after.routes:
        if route.fault and (route.owner, route.match, route.fault) not in known:
            reason = "users of production meet the fault"
            yield Risk(Kind.FAULT, _named(route), "no such fault", route.fault, reason)


def _retries(before: Version, after: Version) -> Iterator[Risk]:
    """Retries at several hops multiply: a failing callee gets the product of the attempts."""
    old, new = _attempts(before), _attempts(after)
    grown = sorted(host for host in new if new[host] > old.get(host, 1))
    others = sorted(host for host in new if new[host] > 1)
    if grown and len(others) > 1:
        product = 1
        for host in others:
            product *= new[host]
        for host in grown:
            rest = ", ".join(f"{one} {new[one]}" for one in others if one != host)
            reason = f"with other retries ({rest}) one request may become {product}"
            yield Risk(Kind.RETRIES, host, f"{old.get(host, 1)} tries", f"{new[host]} tries", reason)


def _attempts(version: Version) -> dict[str, int]:
    """Tries per request, by who owns the routes."""
    found: dict[str, int] = {}
    for route in version.routes:
        found[route.owner] = max(found.get(route.owner, 1), 1 + route.attempts)
    return found


def _traffic(before: Version, after: Version) -> Iterator[Risk]:
    old, new = ({(one.owner, one.match): one for one in version.routes} for version in (before, after))
    for place in sorted(old.keys() | new.keys()):
        was, will = old.get(place), new.get(place)
        if (was.destinations if was else ()) != (will.destinations if will else ()):
            subject = _named(was or will) if was or will else ""
            yield Risk(
                Kind.TRAFFIC,
                subject,
                was.where if was else "no such route",
                will.where if will else "no such route",
                "requests go elsewhere",
            )
        elif was and will and was.timeout != will.timeout:
            subject = f"timeout of {_named(will)}"
            yield Risk(
                Kind.TRAFFIC,
                subject,
                was.timeout or "none",
                will.timeout or "none",
                "slow requests end sooner or later",
            )


def _named(route: Route | None) -> str:
    if route is None:
        return ""
    return f"{route.owner} ({route.match})" if route.match else route.owner
