"""Risks to calls: callers that lose or gain access."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh.check.callers import ANYONE
from otel_mesh_cli.review.kinds import Kind, Risk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh_cli.review.model import Version

    Callers = Mapping[str, frozenset[str]]


def risks(before: Version, after: Version) -> Iterator[Risk]:
    """Callers that lose or gain access to a workload, and policies that stop denying.

    Args:
        before: The base.
        after: The proposed version.
    """
    for callee in sorted(before.workloads.keys() | after.workloads.keys()):
        old, new = before.callers.get(callee, {}), after.callers.get(callee, {})
        if callee not in before.workloads:
            if ANYONE in new:
                yield Risk(Kind.OPENS, callee, "does not exist", "accepts anyone", "no policy restricts it")
            continue
        if callee not in after.workloads:
            if old:
                yield Risk(Kind.BREAKS, callee, _named(old), "does not exist", "the workload is deleted")
            continue
        yield from _changed(callee, old, _without_deleted(new, old, before, after))
    yield from _denials(before.denials, after.denials)


def _denials(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Risk]:
    for policy in sorted(before.keys() - after.keys()):
        yield Risk(Kind.OPENS, policy, "in force", "deleted", "what it denied may be allowed now")
    for policy in sorted(after.keys() - before.keys()):
        yield Risk(Kind.BREAKS, policy, "does not exist", "in force", "what it denies is refused now")
    for policy in sorted(before.keys() & after.keys()):
        if before[policy] != after[policy]:
            yield Risk(Kind.OPENS, policy, "in force", "with other rules", "what it denied may be allowed now")


def _without_deleted(new: Callers, old: Callers, before: Version, after: Version) -> Callers:
    """The callers afterwards, and those whose workload is deleted: nobody refuses them."""
    deleted = {
        one for one in old if (place := before.workload_of(one)) in before.workloads and place not in after.workloads
    }
    return {**new, **{one: old[one] for one in deleted}}


def _changed(callee: str, old: Callers, new: Callers) -> Iterator[Risk]:
    if ANYONE in new and ANYONE not in old:
        yield Risk(Kind.OPENS, callee, _named(old), ANYONE, "no policy restricts its callers any more")
        return
    lost = {one: what for one, what in old.items() if ANYONE not in new and _exceeds(what, new.get(one))}
    gained = {one: what for one, what in new.items() if ANYONE not in old and _exceeds(what, old.get(one))}
    if ANYONE in lost:
        yield Risk(Kind.BREAKS, callee, ANYONE, _named(new), "callers without a declared call are refused")
        lost = {}
    for caller in sorted(lost):
        after = _requests(new[caller]) if caller in new else "refused"
        yield Risk(Kind.BREAKS, f"{caller} -> {callee}", _requests(lost[caller]), after, "policies refuse the call")
    for caller in sorted(gained):
        before = _requests(old[caller]) if caller in old else "refused"
        yield Risk(Kind.OPENS, f"{caller} -> {callee}", before, _requests(gained[caller]), "policies let it through")


def _exceeds(what: frozenset[str], other: frozenset[str] | None) -> bool:
    """Whether some requests are not among others; the empty text stands for all, and a port for all requests to it."""
    if other is None:
        return True
    ports = tuple(f" {one}" for one in other if one.startswith("port "))
    return "" not in other and any(one not in other and not one.endswith(ports) for one in what)


def _named(callers: Callers) -> str:
    return ", ".join(sorted(callers)) or "nobody"


def _requests(what: frozenset[str]) -> str:
    return "any request" if "" in what else "; ".join(sorted(what))
