"""Risks to calls: callers that lose or gain access, and workloads that are deleted or renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh.check.callers import ANYONE
from otel_mesh_cli.review.kinds import Kind, Risk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh_cli.review.model import Version

    Callers = Mapping[str, frozenset[str]]

_LOST = "{} calls are no longer allowed"
_GAINED = "{} calls are newly allowed"
_OPEN = "{} workloads accept anyone"


def risks(before: Version, after: Version, renamed: Mapping[str, str]) -> Iterator[Risk]:
    """Callers that lose or gain access to a workload, workloads that go, and policies that stop denying.

    Args:
        before: The base.
        after: The proposed version.
        renamed: New places of renamed workloads, by the old ones.
    """
    names = {old: new for old, new in renamed.items() if before.identity_of(old) != after.identity_of(new)}
    identities = {before.identity_of(old): after.identity_of(new) for old, new in names.items()}
    origins = {new: old for old, new in renamed.items()}
    for callee in sorted(before.workloads.keys() | after.workloads.keys()):
        new = after.callers.get(callee, {})
        if callee in after.workloads:
            old = before.callers.get(origins.get(callee, callee), {})
            if callee not in before.workloads and callee not in origins:
                if ANYONE in new:
                    yield _accepts_anyone(callee, "does not exist", "no policy restricts it")
                continue
            known = {identities.get(one, one): what for one, what in old.items()}
            yield from _changed(callee, known, _without_deleted(new, known, before, after), after)
        elif callee in renamed:
            yield _renamed(callee, renamed[callee], before.callers.get(callee, {}))
        else:
            yield from _deleted(callee, before.callers.get(callee, {}))
    yield from _denials(before.denials, after.denials)


def _renamed(old: str, new: str, callers: Callers) -> Risk:
    (was, _, name), (will, _, new_name) = old.rpartition("/"), new.rpartition("/")
    before, after, many = _called_by(callers), f"renamed to {new}", "{} workloads are renamed"
    if name == new_name:
        before, after = f"runs in namespace {was}", f"runs in namespace {will}"
        many = f"{{}} workloads move from namespace {was} to {will}"
    one = f"{old} is renamed to {new}"
    if not callers:
        reason = "it is deleted, and created under the new name"
        return Risk(Kind.RESTARTS, old, "runs", after, reason, one, many)
    reason = "calls to the old name fail: its callers have to use the new one"
    return Risk(Kind.BREAKS, old, before, after, reason, one, many)


def _deleted(callee: str, callers: Callers) -> Iterator[Risk]:
    many, one = "{} workloads are deleted", f"{callee} is deleted"
    if callers:
        yield Risk(Kind.BREAKS, callee, _called_by(callers), "is deleted", "calls to it fail", one, many)
    else:
        yield Risk(Kind.STOPS, callee, "runs", "is deleted", "what it does is no longer done", one, many)


def _denials(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Risk]:
    opens, breaks = "{} policies deny less or otherwise", "{} policies deny more"
    for policy in sorted(before.keys() - after.keys()):
        reason = "what it denied may be allowed now"
        yield Risk(Kind.OPENS, policy, "in force", "deleted", reason, f"policy {policy} is deleted", opens)
    for policy in sorted(after.keys() - before.keys()):
        reason = "what it denies is refused now"
        yield Risk(Kind.BREAKS, policy, "does not exist", "in force", reason, f"policy {policy} is new", breaks)
    for policy in sorted(before.keys() & after.keys()):
        if before[policy] != after[policy]:
            reason = "what it denied may be allowed now"
            yield Risk(Kind.OPENS, policy, "in force", "with other rules", reason, f"policy {policy} changes", opens)


def _without_deleted(new: Callers, old: Callers, before: Version, after: Version) -> Callers:
    """The callers afterwards, and those whose workload is deleted: nobody refuses them."""
    deleted = {
        one for one in old if (place := before.workload_of(one)) in before.workloads and place not in after.workloads
    }
    return {**new, **{one: old[one] for one in deleted}}


def _changed(callee: str, old: Callers, new: Callers, after: Version) -> Iterator[Risk]:
    if ANYONE in new and ANYONE not in old:
        yield _accepts_anyone(callee, f"accepts {_named(old)}", "no policy restricts its callers any more")
        return
    lost = {one: what for one, what in old.items() if ANYONE not in new and _exceeds(what, new.get(one))}
    gained = {one: what for one, what in new.items() if ANYONE not in old and _exceeds(what, old.get(one))}
    if ANYONE in lost:
        reason = "callers without a declared call are refused"
        one, many = f"{callee} no longer accepts anyone", "{} workloads no longer accept anyone"
        yield Risk(Kind.BREAKS, callee, "accepts anyone", f"accepts {_named(new)}", reason, one, many)
        lost = {}
    for caller in sorted(lost):
        left = _requests(new[caller]) if caller in new else "refused"
        subject, reason = f"{caller} -> {callee}", "policies no longer allow the call"
        one = f"{caller} may no longer call {callee}" if caller not in new else f"{caller} may call less of {callee}"
        yield Risk(Kind.BREAKS, subject, _requests(lost[caller]), left, reason, one, _LOST)
    for caller in sorted(gained):
        had = _requests(old[caller]) if caller in old else "refused"
        reason = "policies now allow the call"
        if after.workload_of(caller) not in after.workloads:
            reason += ", from a workload that is not among this stack's objects"
        one = f"{caller} may call {callee}" if caller not in old else f"{caller} may call more of {callee}"
        yield Risk(Kind.OPENS, f"{caller} -> {callee}", had, _requests(gained[caller]), reason, one, _GAINED)


def _accepts_anyone(callee: str, before: str, reason: str) -> Risk:
    return Risk(Kind.OPENS, callee, before, "accepts anyone", reason, f"{callee} accepts anyone", _OPEN)


def _exceeds(what: frozenset[str], other: frozenset[str] | None) -> bool:
    """Whether some requests are not among others; the empty text stands for all, and a port for all requests to it."""
    if other is None:
        return True
    ports = tuple(f" {one}" for one in other if one.startswith("port "))
    return "" not in other and any(one not in other and not one.endswith(ports) for one in what)


def _named(callers: Callers) -> str:
    return ", ".join(sorted(callers)) or "nobody"


def _called_by(callers: Callers) -> str:
    return f"called by {_named(callers)}"


def _requests(what: frozenset[str]) -> str:
    return "allowed, any request" if "" in what else f"allowed, {'; '.join(sorted(what))}"
