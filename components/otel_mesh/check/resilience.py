"""Faults that nobody ends, and retries and timeouts that defeat each other."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.authorization import action, pods_of, principals
from otel_mesh.check.destinations import destinations
from otel_mesh.check.findings import Severity, code, found
from otel_mesh.check.hosts import DOMAIN, qualified
from otel_mesh.check.objects import ISTIO, LINKERD, mapping, mappings, number, text
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
    tries = _tries(index)
    if sum(1 for attempts, _ in tries.values() if attempts > 1) < 2:  # noqa: PLR2004 - one hop multiplies nothing
        return
    chains = _chains(allowed_edges(index), {name: attempts for name, (attempts, _) in tries.items()})
    for name, (attempts, route) in tries.items():
        product, chain = chains.get(name, (1, ()))
        if attempts > 1 and product > _MOST_TRIES and len(chain) > 1:
            shown = " then ".join(f"{one} ({tries[one][0]})" for one in chain)
            shown = f"... {shown}" if len(chain) == _SHOWN else shown
            yield found(MULTIPLIED, route, "spec", f"up to {product} requests for one: attempts at {shown}")


def _chains(callers: dict[str, set[str]], tries: dict[str, int]) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Largest product of attempts of a chain of calls that ends at a service, with the last services that multiply.

    Of calls in a circle the one that closes it is left out.
    """
    best: dict[str, tuple[int, tuple[str, ...]]] = {}
    entered: set[str] = set()
    for start in tries:
        stack = [start]
        while stack:
            name = stack[-1]
            if name not in entered:
                entered.add(name)
                stack += [one for one in sorted(callers.get(name, ())) if one not in entered]
                continue
            stack.pop()
            if name in best:
                continue
            above = [best[one] for one in callers.get(name, ()) if one in best]
            product, chain = max(above, default=(1, ()))
            own = tries.get(name, 1)
            best[name] = (product * own, (*chain, name)[-_SHOWN:]) if own > 1 else (product, chain)
    return best


def _tries(index: Index) -> dict[str, tuple[int, Object]]:
    """Attempts of a call to a Service, retries included, with the object that sets them, by the host's name."""
    made: dict[str, tuple[int, Object]] = {}
    for service in index.of("VirtualService", ISTIO):
        for place, rule in mappings(service.spec.get("http")):
            attempts = number(mapping(rule.get("retries")).get("attempts")) or 0
            for one in destinations(service):
                if one.path.startswith(f"spec.http[{place}].route"):
                    host = qualified(one.host, service.namespace).removesuffix(f".svc.{DOMAIN}")
                    made[host] = max(made.get(host, (1, service)), (attempts + 1, service), key=lambda pair: pair[0])
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
    return made


def allowed_edges(index: Index) -> dict[str, set[str]]:
    """Callers of each Service, as ``name.namespace``, by the principals of its AuthorizationPolicies."""
    named: dict[tuple[str, str], set[str]] = defaultdict(set)
    behind: dict[int, set[str]] = defaultdict(set)
    for service in index.of("Service"):
        selector = mapping(service.spec.get("selector"))
        for pod in index.select(service.namespace, selector) if selector else ():
            behind[id(pod)].add(f"{service.name}.{service.namespace}")
            named[pod.namespace, pod.service_account].add(f"{service.name}.{service.namespace}")
    edges: dict[str, set[str]] = defaultdict(set)
    for policy in index.of("AuthorizationPolicy", ISTIO):
        callers = set[str]().union(*(named.get(one, set()) for one in principals(policy)))
        for pod in pods_of(index, policy) if callers and action(policy) == "ALLOW" else ():
            for callee in behind.get(id(pod), ()):
                edges[callee] |= callers
    return edges
