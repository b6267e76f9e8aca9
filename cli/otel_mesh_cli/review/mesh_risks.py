"""Risks to connections: mutual TLS, workloads that leave the mesh, faults, retries, routes."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from otel_mesh.check.index import ROOT_NAMESPACE
from otel_mesh.check.resilience import retry_chains
from otel_mesh_cli.review.kinds import Kind, Risk
from otel_mesh_cli.review.transport import STRENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh_cli.review.model import Version
    from otel_mesh_cli.review.transport import Route

_PRODUCTION: Final = "production"
_ABSENT: Final = "not set"


def risks(before: Version, after: Version) -> Iterator[Risk]:
    """Weaker mutual TLS, workloads without their proxy, faults, and retries that multiply.

    Args:
        before: The base.
        after: The proposed version.
    """
    yield from _mtls(before, after)
    yield from _meshes(before, after)
    yield from _faults(before, after)
    yield from _retries(before, after)


def _mtls(before: Version, after: Version) -> Iterator[Risk]:
    for scope in sorted(before.mtls.keys() | after.mtls.keys()):
        old, new = before.mtls.get(scope, "UNSET"), after.mtls.get(scope, "UNSET")
        if STRENGTH[new] < STRENGTH[old]:
            is_whole = scope == ROOT_NAMESPACE
            subject = f"the whole mesh ({scope})" if is_whole else scope
            reason = {
                "DISABLE": "traffic is sent in plaintext",
                "PERMISSIVE": "plaintext callers are accepted, without an identity",
                "UNSET": "nothing asks for mutual TLS any more" if is_whole else "a wider scope decides",
            }[new]
            will = _ABSENT if new == "UNSET" else new
            one, many = f"mTLS of {subject} changes from {old} to {will}", "mTLS is weakened in {} places"
            yield Risk(Kind.MTLS, subject, old, will, reason, one, many)


def _meshes(before: Version, after: Version) -> Iterator[Risk]:
    for place in sorted(before.workloads.keys() & after.workloads.keys()):
        old, new = before.mesh_of(place), after.mesh_of(place)
        if old and not new:
            reason = "its traffic is neither encrypted nor authorized nor traced by the mesh"
            one, many = f"{place} leaves the mesh", "{} workloads leave the mesh"
            yield Risk(Kind.LEAVES, place, "has a proxy", "has none", reason, one, many)
        elif old and old != new:
            reason = f"{old}'s policies and routes no longer apply to it"
            one, many = f"{place} moves from {old} to {new}", f"{{}} workloads move from {old} to {new}"
            yield Risk(Kind.LEAVES, place, f"has {old}'s proxy", f"has {new}'s", reason, one, many)


def _faults(before: Version, after: Version) -> Iterator[Risk]:
    if after.environment != _PRODUCTION:
        return
    was_there = before.environment == _PRODUCTION
    known = {(route.owner, route.match, route.fault, route.ends) for route in before.routes if was_there}
    for route in after.routes:
        if route.fault and (route.owner, route.match, route.fault, route.ends) not in known:
            same = {(one.owner, one.match): one for one in before.routes if was_there}.get((route.owner, route.match))
            had = f"{same.fault}{_until(same)}" if same and same.fault else "no fault"
            one = f"a fault reaches production at {route.owner}: {route.fault}{_until(route)}"
            many = "{} faults reach production"
            reason = "users of production meet the fault, and nothing says when it ends"
            if route.ends:
                reason = "users of production meet the fault until it is removed"
            yield Risk(Kind.FAULT, named(route), had, f"{route.fault}{_until(route)}", reason, one, many)


def _until(route: Route) -> str:
    if not route.ends:
        return ", without an end"
    return f", overdue since {route.ends}" if _is_over(route.ends) else f", to end on {route.ends}"


def _is_over(day: str) -> bool:
    try:
        return dt.date.fromisoformat(day[:10]) < dt.datetime.now(dt.UTC).date()
    except ValueError:
        return False


def _retries(before: Version, after: Version) -> Iterator[Risk]:
    """Retries at several hops multiply: a failing callee gets the product of the attempts."""
    old, new = retry_chains(before.index), retry_chains(after.index)
    for host, (product, hops) in sorted(new.items()):
        was, _ = old.get(host, (1, ()))
        if len(hops) > 1 and product > was and hops[-1][0] == host:
            chain = ", then ".join(f"{attempts} at {name}" for name, attempts in hops)
            name, _, namespace = host.partition(".")
            subject = f"{namespace}/{name}"
            one, many = f"one request may become {product} at {subject}", "retries multiply at {} services"
            reason = f"when it fails, every hop tries again: {chain}"
            yield Risk(Kind.RETRIES, subject, _requests(was), _requests(product), reason, one, many)


def _requests(number: int) -> str:
    return f"up to {number} request{'' if number == 1 else 's'} for one"


def named(route: Route) -> str:
    """Owner of a route, with the requests that it is for."""
    return f"{route.owner} ({route.requests})" if route.requests else route.owner
