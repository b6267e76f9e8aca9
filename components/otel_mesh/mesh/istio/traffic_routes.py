"""The routes of a traffic policy: the HTTP rules of its VirtualService."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.mesh.istio.routes import RETRY_ON, SAFE
from otel_mesh.mesh.policies.matching import FAULT_INJECTED, MARKERS, TRACE_VERSION, TRAFFIC_WEIGHT
from otel_mesh.mesh.policies.traffic import subset_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_mesh.mesh.policies.canary import ABTest, Canary
    from otel_mesh.mesh.policies.fault import FaultInjection
    from otel_mesh.mesh.policies.resilience import Resilience
    from otel_mesh.mesh.policies.traffic import Target, TrafficPolicy

_UNSEEN: Final = "connect-failure,refused-stream"
"""Failures after which the service surely has not seen the request."""


@dataclass(frozen=True)
class Rule:
    """An HTTP rule that is not rendered yet.

    Attributes:
        headers: Headers that a request has to have.
        destinations: Versions with their weights; an empty name stands for the Service with all its pods.
        marks: Headers that are set, by version.
        fault: Fault of the rule's requests.
        safe: Whether the rule is for requests that are safe to repeat; None for all requests.
    """

    headers: Mapping[str, str]
    destinations: tuple[tuple[str, int], ...]
    marks: Mapping[str, Mapping[str, str]]
    fault: FaultInjection | None = None
    safe: bool | None = None


def http_rules(policy: TrafficPolicy, target: Target) -> list[dict[str, Any]]:
    """The HTTP rules of a VirtualService, most specific first; none if the policy needs no route.

    Args:
        policy: Policy of the service.
        target: The service.
    """
    resilience = policy.resilience
    timing = resilience is not None and (resilience.timeout is not None or resilience.retries is not None)
    if not (timing or policy.fault or policy.canary or policy.ab_test):
        return []
    rules: Iterable[Rule] = _versions(policy, target)
    rules = _faults(rules, policy.fault)
    if resilience is not None and resilience.retries is not None and target.protocol == "http":
        rules = _by_safety(rules)
    return [_rendered(rule, target, resilience) for rule in rules]


def _versions(policy: TrafficPolicy, target: Target) -> Iterator[Rule]:
    if policy.canary is not None:
        yield from _canary(policy.canary, target)
    elif policy.ab_test is not None:
        yield from _ab_test(policy.ab_test)
    else:
        yield Rule({}, (("", 100),), {})


def _canary(canary: Canary, target: Target) -> Iterator[Rule]:
    def marks(name: str, weight: int) -> dict[str, str]:
        return {TRACE_VERSION: "canary" if name == canary.version else "stable", TRAFFIC_WEIGHT: str(weight)}

    if canary.header is not None:
        chosen = {canary.header.name: canary.header.value}
        yield Rule(chosen, ((canary.version, 100),), {canary.version: marks(canary.version, canary.weight)})
    shares = ((target.version, 100 - canary.weight), (canary.version, canary.weight))
    # a version without a share is left out: Envoy would connect to its pods all the same
    used = tuple((name, weight) for name, weight in shares if weight)
    yield Rule({}, used, {name: marks(name, weight) for name, weight in used})


def _ab_test(test: ABTest) -> Iterator[Rule]:
    for name, group in test.groups.items():
        yield Rule({test.header: name}, ((group.version, 100),), {})
    weights: dict[str, int] = {}
    marks: dict[str, dict[str, str]] = {}
    for name, group in test.groups.items():
        # the name of the group tells destinations of one version apart
        weights[f"{group.version}\n{name}"] = group.weight
        marks[f"{group.version}\n{name}"] = {test.header: name}
    yield Rule({}, tuple((key, weight) for key, weight in weights.items() if weight), marks)


def _faults(rules: Iterable[Rule], fault: FaultInjection | None) -> Iterator[Rule]:
    for rule in rules:
        if fault is None:
            yield rule
        elif fault.header is None:
            yield replace(rule, fault=fault)
        else:
            yield replace(rule, fault=fault, headers={**rule.headers, fault.header.name: fault.header.value})
            yield rule


def _by_safety(rules: Iterable[Rule]) -> Iterator[Rule]:
    for rule in rules:
        yield replace(rule, safe=True)
        yield replace(rule, safe=False)


def _rendered(rule: Rule, target: Target, resilience: Resilience | None) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if conditions := list(_conditions(rule)):
        made["match"] = conditions
    marked = {name for marks in rule.marks.values() for name in marks}
    removed = [name for name in MARKERS if name not in marked and not (rule.fault and name == FAULT_INJECTED)]
    # a header that a destination sets must not be removed here: Envoy would remove it afterwards
    headers: dict[str, Any] = {"remove": removed} if removed else {}
    if rule.fault is not None:
        made["fault"] = _fault(rule.fault)
        headers["set"] = {FAULT_INJECTED: "true"}
    if headers:
        made["headers"] = {"request": headers}
    made["route"] = [_destination(name, weight, rule, target) for name, weight in rule.destinations]
    if resilience is not None:
        if resilience.timeout is not None:
            made["timeout"] = resilience.timeout
        if resilience.retries is not None:
            made["retries"] = _retries(rule, resilience)
    return made


def _conditions(rule: Rule) -> Iterator[dict[str, Any]]:
    headers: dict[str, Any] = {name: {"exact": value} for name, value in sorted(rule.headers.items())}
    own = {"headers": headers} if headers else {}
    if rule.safe:
        for one in SAFE:
            # a rule for one value of a header keeps its value: any other would be routed with it
            further = {name: how for name, how in one.get("headers", {}).items() if name not in headers}
            yield {**own, **one, **({"headers": {**headers, **further}} if headers or further else {})}
    elif own:
        yield own


def _destination(name: str, weight: int, rule: Rule, target: Target) -> dict[str, Any]:
    version = name.partition("\n")[0]
    subset = {"subset": subset_name(version)} if version else {}
    destination = {"host": target.host, **subset, "port": {"number": target.port}}
    made: dict[str, Any] = {"destination": destination}
    if len(rule.destinations) > 1:
        made["weight"] = weight
    if marks := rule.marks.get(name):
        made["headers"] = {"request": {"set": dict(marks)}}
    return made


def _fault(fault: FaultInjection) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if fault.delay is not None:
        made["delay"] = {"fixedDelay": fault.delay.duration, "percentage": {"value": fault.delay.percentage}}
    if fault.abort is not None:
        made["abort"] = {"httpStatus": fault.abort.status, "percentage": {"value": fault.abort.percentage}}
    return made


def _retries(rule: Rule, resilience: Resilience) -> dict[str, Any]:
    retries = resilience.retries
    if retries is None or retries.attempts == 0:
        return {"attempts": 0}
    limit = {"perTryTimeout": retries.try_timeout} if retries.try_timeout is not None else {}
    return {"attempts": retries.attempts, **limit, "retryOn": RETRY_ON if rule.safe else _UNSEEN}
