"""Faults that nobody ends, and retries and timeouts that defeat each other."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.backends import backends
from otel_mesh.check.destinations import destinations
from otel_mesh.check.edges import allowed_edges
from otel_mesh.check.error_backends import answer_at
from otel_mesh.check.findings import Severity, code, found
from otel_mesh.check.hosts import DOMAIN, qualified
from otel_mesh.check.objects import ISTIO, LINKERD, mapping, mappings, number, text, words
from otel_mesh.core.labels import Annotation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object

NO_EXPIRY: Final = code(
    "OM401",
    Severity.WARNING,
    "fault without an expiry date",
    why="Experiments are forgotten: users get the injected errors and delays until somebody finds the rule.",
    remedy=f"set the annotation {Annotation.FAULT_EXPIRES} to a date, such as 2026-12-31",
)
EXPIRED: Final = code(
    "OM402",
    Severity.ERROR,
    "fault past its expiry date",
    why="Users get the injected errors and delays of an experiment that is over.",
    remedy="remove the fault",
)
BAD_EXPIRY: Final = code(
    "OM403",
    Severity.ERROR,
    "expiry that is not a date",
    why="Nobody can tell when the fault ends.",
    remedy="write YYYY-MM-DD",
)
MULTIPLIED: Final = code(
    "OM404",
    Severity.WARNING,
    "retries multiplied across hops",
    why="When the last service of the chain fails, it gets the product of all attempts as load, and stays down.",
    remedy="retry at one hop of the chain, the outermost that may repeat the request",
)
NO_TIME: Final = code(
    "OM405",
    Severity.WARNING,
    "timeout that leaves no time for the retries",
    why="The request's timeout ends before the last attempt begins.",
    remedy="raise the timeout, or lower attempts or perTryTimeout",
)
PROFILE: Final = code(
    "OM406",
    Severity.ERROR,
    "ServiceProfile that switches off a route",
    why="Linkerd ignores routes, retries, timeouts and circuit breaking of a Service that has a ServiceProfile.",
    remedy="remove the ServiceProfile; retries and timeouts are annotations of the route or Service",
)
Hops = tuple[tuple[str, int], ...]
"""Services that are tried more than once, in the order of the calls, each with its attempts."""
Tries = dict[str, tuple[int, "Object"]]
"""Attempts of a call to a Service, with the object that sets them, by the host's name."""

_MOST_TRIES: Final = 8
_SHOWN: Final = 5
"""Number of services of a chain that a finding names."""
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def check(index: Index) -> Iterator[Finding]:
    """Findings of this module."""
    for service in index.of("VirtualService", ISTIO):
        faults = [place for place, rule in mappings(service.spec.get("http")) if rule.get("fault")]
        if faults:
            yield from _expiry(index, service, f"spec.http[{faults[0]}].fault")
        for place, rule in mappings(service.spec.get("http")):
            yield from _time(service, f"spec.http[{place}]", rule)
    for route in index.routes:
        if Annotation.FAULT_EXPIRES in route.annotations:
            yield from _expiry(index, route, f"metadata.annotations[{Annotation.FAULT_EXPIRES}]")
        elif path := next(_error_backends(index, route), None):
            yield from _expiry(index, route, path)
    yield from _profiles(index)
    yield from _multiplied(index)


def _expiry(index: Index, one: Object, path: str) -> Iterator[Finding]:
    written = str(one.annotations.get(Annotation.FAULT_EXPIRES, ""))
    if not written:
        severity = Severity.ERROR if index.environment == "production" else NO_EXPIRY.severity
        yield found(NO_EXPIRY, one, path, f"no annotation {Annotation.FAULT_EXPIRES}", severity=severity)
        return
    try:
        day = dt.date.fromisoformat(written[:10])
    except ValueError:
        yield found(BAD_EXPIRY, one, f"metadata.annotations[{Annotation.FAULT_EXPIRES}]", f"'{written}' is not a date")
        return
    if day < dt.datetime.now(dt.UTC).date():
        yield found(EXPIRED, one, path, f"the fault was to end on {written}")


def _error_backends(index: Index, route: Object) -> Iterator[str]:
    """Paths of a route's backends that are Linkerd's way to inject a fault."""
    for place, rule in mappings(route.spec.get("rules")):
        for backend in backends(index, route, rule):
            if backend.weight and answer_at(index, backend.service):
                yield f"spec.rules[{place}].{backend.path}"


def seconds(duration: object) -> float | None:
    """A duration such as ``1m30s`` in seconds; None if it is not one."""
    parts = _DURATION.findall(text(duration))
    if not parts or "".join(f"{amount}{unit}" for amount, unit in parts) != duration:
        return None
    return sum(float(amount) * _UNITS[unit] for amount, unit in parts)


def _time(service: Object, path: str, rule: dict[str, Any]) -> Iterator[Finding]:
    retries = mapping(rule.get("retries"))
    attempts, each, whole = (
        number(retries.get("attempts")),
        seconds(retries.get("perTryTimeout")),
        seconds(rule.get("timeout")),
    )
    if attempts and each and whole and each * attempts >= whole:
        message = f"{attempts} retries of {retries['perTryTimeout']} each do not fit into {rule['timeout']}"
        yield found(NO_TIME, service, f"{path}.timeout", message)


def _profiles(index: Index) -> Iterator[Finding]:
    routed = {
        f"{text(parent.get('name'))}.{text(parent.get('namespace')) or route.namespace}.svc.{DOMAIN}": route
        for route in index.routes
        for _, parent in mappings(route.spec.get("parentRefs"))
        if parent.get("kind") == "Service"
    }
    annotated = {
        f"{one.name}.{one.namespace}.svc.{DOMAIN}": one
        for one in index.of("Service")
        if any(key.startswith(("retry.linkerd.io/", "balancer.linkerd.io/")) for key in one.annotations)
    }
    for profile in index.of("ServiceProfile", LINKERD):
        other = routed.get(profile.name) or annotated.get(profile.name)
        if other is not None:
            yield found(PROFILE, profile, "metadata.name", f"{other} has no effect beside it")


def _multiplied(index: Index) -> Iterator[Finding]:
    """Chains of calls whose attempts multiply: the callers are those that policies allow."""
    inside, entering = _tries(index)
    if not any(attempts > 1 for attempts, _ in inside.values()):
        return
    for name, (product, hops) in _chains(index, inside, entering).items():
        if name in inside and product > _MOST_TRIES and len(hops) > 1 and hops[-1][0] == name:
            shown = " then ".join(f"{one} ({attempts})" for one, attempts in hops)
            shown = f"... {shown}" if len(hops) == _SHOWN else shown
            yield found(MULTIPLIED, inside[name][1], "spec", f"up to {product} requests for one: attempts at {shown}")


def retry_chains(index: Index) -> dict[str, tuple[int, Hops]]:
    """Largest number of requests that one request may become at each Service, with the last hops that multiply.

    The routes of a gateway are for its own calls only, which begin a chain. Of calls in a circle the one that closes it
    is left out.

    Args:
        index: Objects with the routes and the policies.
    """
    return _chains(index, *_tries(index))


def _chains(index: Index, *tries: Tries) -> dict[str, tuple[int, Hops]]:
    """The chains of `retry_chains`; attempts as `_tries` gives them."""
    inside, entering = ({name: one for name, (one, _) in side.items() if one > 1} for side in tries)
    callers = allowed_edges(index) if inside or entering else {}
    best: dict[str, tuple[int, Hops]] = {}
    entered: set[str] = set()
    for start in [*inside, *entering, *callers]:
        stack = [start]
        while stack:
            name = stack[-1]
            if name not in entered:
                entered.add(name)
                stack += [one for one in sorted(callers.get(name, ())) if one not in entered]
                continue
            stack.pop()
            if name not in best:
                above = max((best[one] for one in callers.get(name, ()) if one in best), default=(1, ()))
                within, first = _after(above, name, inside.get(name, 1)), _after((1, ()), name, entering.get(name, 1))
                best[name] = max(within, first)
    return best


def _after(chain: tuple[int, Hops], name: str, attempts: int) -> tuple[int, Hops]:
    product, hops = chain
    return (product * attempts, (*hops, (name, attempts))[-_SHOWN:]) if attempts > 1 else chain


def _tries(index: Index) -> tuple[Tries, Tries]:
    """Attempts, retries included, of calls inside the mesh, and of those of gateways."""
    made: Tries = {}
    entering: Tries = {}
    for service in index.of("VirtualService", ISTIO):
        gateways = words(service.spec.get("gateways"))
        of = entering if (gateways and "mesh" not in gateways) or not service.spec.get("hosts") else made
        for place, rule in mappings(service.spec.get("http")):
            attempts = number(mapping(rule.get("retries")).get("attempts")) or 0
            for one in destinations(service):
                if one.path.startswith(f"spec.http[{place}].route"):
                    host = qualified(one.host, service.namespace).removesuffix(f".svc.{DOMAIN}")
                    of[host] = max(of.get(host, (1, service)), (attempts + 1, service), key=lambda pair: pair[0])
    annotated = [(one, f"{one.name}.{one.namespace}") for one in index.of("Service")]
    annotated += [
        (route, f"{text(parent.get('name'))}.{text(parent.get('namespace')) or route.namespace}")
        for route in index.routes
        for _, parent in mappings(route.spec.get("parentRefs"))
        if parent.get("kind") == "Service"
    ]
    for where, host in annotated:
        if "retry.linkerd.io/http" in where.annotations or "retry.linkerd.io/grpc" in where.annotations:
            attempts = number(where.annotations.get("retry.linkerd.io/limit", 1)) or 0
            made[host] = max(made.get(host, (1, where)), (attempts + 1, where), key=lambda pair: pair[0])
    return made, entering
