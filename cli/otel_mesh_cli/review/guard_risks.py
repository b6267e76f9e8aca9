"""Risks to the second guard: callers that one kind of policy lets through while the other alone refuses them.

A mesh's AuthorizationPolicies and NetworkPolicies guard the same workloads. Where only one of them opens, nobody gains
access yet, but the other one has become all that stands in the way.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from otel_mesh.check.callers import ANYONE, Callers
from otel_mesh.check.index import Index
from otel_mesh.check.objects import GATEWAY_API, ISTIO, KUBERNETES, LINKERD
from otel_mesh_cli.review.kinds import Kind, Risk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from otel_mesh.check.objects import Object
    from otel_mesh_cli.review.model import Version

    Known = Mapping[str, frozenset[str]]

_MANY: Final = "{} calls pass one of two guards"
_NETWORK: Final = "NetworkPolicies"
_MESH: Final = "the mesh's policies"
_GUARDS: Final = {
    _NETWORK: frozenset({(KUBERNETES, "NetworkPolicy")}),
    _MESH: frozenset(
        {
            (ISTIO, "AuthorizationPolicy"),
            *((LINKERD, kind) for kind in ("AuthorizationPolicy", "MeshTLSAuthentication", "Server")),
            *((family, kind) for family in (GATEWAY_API, LINKERD) for kind in ("GRPCRoute", "HTTPRoute")),
        }
    ),
}


def risks(before: Version, after: Version) -> Iterator[Risk]:
    """Callers that one guard begins to let through and the other refuses.

    Args:
        before: The base.
        after: The proposed version.
    """
    common = sorted(before.workloads.keys() & after.workloads.keys())
    for guard, other in ((_NETWORK, _MESH), (_MESH, _NETWORK)):
        if _policies(before, guard) == _policies(after, guard):
            continue
        old, new = (_alone(version, guard) for version in (before, after))
        for callee in common:
            passing = after.callers[callee]
            # a workload that leaves the mesh is a risk of its own
            is_left = guard == _MESH and before.is_meshed(callee) and not after.is_meshed(callee)
            if ANYONE in passing or is_left:
                continue
            if more := new(callee).keys() - passing.keys():
                yield from _opened(callee, more - old(callee).keys(), old(callee), (guard, other))


def _opened(callee: str, gained: set[str], old: Known, guards: tuple[str, str]) -> Iterator[Risk]:
    guard, other = guards
    if ANYONE in old:
        return
    reason = f"{other} alone refuse it now"
    if ANYONE in gained:
        had, has = f"{guard} restrict callers", f"{guard} let anyone through"
        yield Risk(Kind.GUARD, callee, had, has, reason, f"{guard} of {callee} let anyone through", _MANY)
        return
    for caller in sorted(gained):
        had, has = f"refused by {guard}", f"let through by {guard}"
        one = f"{other} alone refuse the call {caller} -> {callee}"
        yield Risk(Kind.GUARD, f"{caller} -> {callee}", had, has, reason, one, _MANY)


def _alone(version: Version, guard: str) -> Callable[[str], Known]:
    """A function that tells the callers of a workload, as if a guard were the only one."""
    others = frozenset[tuple[str, str]]().union(*(kinds for name, kinds in _GUARDS.items() if name != guard))
    index = Index((one for one in version.index.objects if _key(one) not in others), version.environment)
    callers = Callers(index)
    places = {one.object.place: one for one in index.workloads}
    return cache(lambda callee: callers.of(places[callee]))


def _policies(version: Version, guard: str) -> list[dict[str, object]]:
    objects = (one for one in version.index.objects if _key(one) in _GUARDS[guard])
    return [one.manifest for one in sorted(objects, key=str)]


def _key(one: Object) -> tuple[str, str]:
    return one.family, one.kind
