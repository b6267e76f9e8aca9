"""Risks of routes: requests that go elsewhere, or are given up at another time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.check.resilience import seconds
from otel_mesh_cli.review.kinds import Kind, Risk
from otel_mesh_cli.review.matches import covers
from otel_mesh_cli.review.mesh_risks import named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_mesh_cli.review.model import Version
    from otel_mesh_cli.review.transport import Route

_NOWHERE: Final = "no route: 404"
_ALL: Final = "all pods of the Service"


def risks(before: Version, after: Version) -> Iterator[Risk]:
    """Routes whose destinations or timeouts differ.

    Args:
        before: The base.
        after: The proposed version.
    """
    old, new = _deciding(before), _deciding(after)
    old_rules, new_rules = _by_owner(before), _by_owner(after)
    for place in sorted(old.keys() | new.keys()):
        route = new.get(place) or old[place]
        was = old.get(place) or _covering(route, old_rules.get(route.owner, ()))
        will = new.get(place) or _covering(route, new_rules.get(route.owner, ()))
        had, has = _where(was, route), _where(will, route)
        is_gone = route.owner in before.workloads and route.owner not in after.workloads
        if had != has and not is_gone:  # of a gateway that is deleted another risk says so
            yield _moved(route, (_shares(was), _shares(will)), had, has)
    yield from _timeouts(before, after)


def _deciding(version: Version) -> dict[tuple[str, str], Route]:
    """The first rule for each kind of requests: it alone decides where they go."""
    found: dict[tuple[str, str], Route] = {}
    for route in version.routes:
        found.setdefault((route.owner, route.requests), route)
    return found


def _by_owner(version: Version) -> dict[str, list[Route]]:
    found: dict[str, list[Route]] = {}
    for route in version.routes:
        found.setdefault(route.owner, []).append(route)
    return found


def _covering(route: Route, rules: Sequence[Route]) -> Route | None:
    """The rule that serves the requests of another one, which is not among the rules."""
    wider = (one for one in rules if all(any(covers(wide, path) for wide in one.paths) for path in route.paths))
    return next((one for one in wider if one.conditions <= route.conditions), None)


def _where(rule: Route | None, of: Route) -> str:
    """Where requests go, in words."""
    if rule is None:
        return _NOWHERE if of.gateways else _ALL
    if rule.is_default:
        return _ALL
    shares = _shares(rule)
    if len(shares) == 1:
        return f"version {next(iter(shares))}"
    return ", ".join(f"{share:g} % version {name}" for name, share in shares.items()) if shares else rule.where


def _shares(rule: Route | None) -> dict[str, float]:
    """Shares of the versions of the called Service; empty for a rule with other destinations."""
    if rule is None:
        return {}
    own = {host.partition(".svc.")[0] for host in rule.hosts}
    found: dict[str, float] = {}
    for name, share in rule.destinations:
        version = name.partition(" ")[2]
        found[version] = found.get(version, 0) + share
    return found if "" not in found and {name.partition(" ")[0] for name, _ in rule.destinations} <= own else {}


def _moved(route: Route, shares: tuple[dict[str, float], dict[str, float]], had: str, has: str) -> Risk:
    subject, reason = named(route), "requests go elsewhere"
    one = f"requests to {subject} go to {has} (before: {had})"
    if has == _NOWHERE:
        one, reason = f"requests to {subject} have no route", "nobody serves these requests"
    elif len(shares[1]) > 1:
        name, share = list(shares[1].items())[-1]  # the stable version comes first
        was = shares[0].get(name, 0)
        one = f"{share:g} % of the requests to {subject} go to version {name} (before: {was:g} %)"
        reason = f"the share of version {name} {'rises' if share > was else 'falls'}"
    has_condition = route.requests and not route.gateways
    many = "{} routes with a condition change" if has_condition else "{} routes change"
    return Risk(Kind.TRAFFIC, subject, had, has, reason, one, many)


def _timeouts(before: Version, after: Version) -> Iterator[Risk]:
    old, new = ({(one.owner, one.match): one for one in version.routes} for version in (before, after))
    for place in sorted(old.keys() & new.keys()):
        was, will = old[place].timeout, new[place].timeout
        if was == will:
            continue
        had, has = (seconds(one) or float("inf") for one in (was, will))
        reason = f"slow requests are given up {'sooner' if has < had else 'later'}"
        owner = named(new[place])
        one, many = f"the timeout of {owner} becomes {will or 'unlimited'}", "{} timeouts change"
        yield Risk(Kind.TRAFFIC, f"timeout of {owner}", was or "none", will or "none", reason, one, many)
