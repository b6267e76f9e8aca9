"""The rules of a traffic policy, before a mesh renders them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from otel_mesh.mesh.policies.matching import TRACE_VERSION, TRAFFIC_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_mesh.mesh.policies.canary import ABTest, Canary
    from otel_mesh.mesh.policies.fault import FaultInjection
    from otel_mesh.mesh.policies.traffic import Target, TrafficPolicy


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


def traffic_rules(policy: TrafficPolicy, target: Target) -> list[Rule]:
    """The rules of a policy, most specific first; none if the policy needs no route.

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
    return list(rules)


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
