"""The routes of a traffic policy: the HTTP rules of its VirtualService."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.mesh.istio.routes import RETRY_ON, SAFE
from otel_mesh.mesh.policies.matching import FAULT_INJECTED, MARKERS
from otel_mesh.mesh.policies.rules import Rule, traffic_rules
from otel_mesh.mesh.policies.traffic import subset_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.mesh.istio.traffic_types import (
        Destination,
        Fault,
        HeaderChanges,
        HttpMatch,
        HttpRoute,
        Retries,
        StringMatch,
        WeightedDestination,
    )
    from otel_mesh.mesh.policies.fault import FaultInjection
    from otel_mesh.mesh.policies.resilience import Resilience
    from otel_mesh.mesh.policies.traffic import Target, TrafficPolicy

_UNSEEN: Final = "connect-failure,refused-stream"
"""Failures after which the service surely has not seen the request."""


def http_rules(policy: TrafficPolicy, target: Target) -> list[HttpRoute]:
    """The HTTP rules of a VirtualService, most specific first; none if the policy needs no route.

    Args:
        policy: Policy of the service.
        target: The service.
    """
    return [_rendered(rule, target, policy.resilience) for rule in traffic_rules(policy, target)]


def _rendered(rule: Rule, target: Target, resilience: Resilience | None) -> HttpRoute:
    made: HttpRoute = {}
    if conditions := list(_conditions(rule)):
        made["match"] = conditions
    marked = {name for marks in rule.marks.values() for name in marks}
    removed = [name for name in MARKERS if name not in marked and not (rule.fault and name == FAULT_INJECTED)]
    # a header that a destination sets must not be removed here: Envoy would remove it afterwards
    headers: HeaderChanges = {"remove": removed} if removed else {}
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


def _conditions(rule: Rule) -> Iterator[HttpMatch]:
    headers: dict[str, StringMatch] = {name: {"exact": value} for name, value in sorted(rule.headers.items())}
    own: HttpMatch = {"headers": headers} if headers else {}
    if rule.safe:
        for one in SAFE:
            # a rule for one value of a header keeps its value: any other would be routed with it
            made: HttpMatch = {**own, **one}
            further = {name: how for name, how in one.get("headers", {}).items() if name not in headers}
            if headers or further:
                made["headers"] = {**headers, **further}
            yield made
    elif own:
        yield own


def _destination(name: str, weight: int, rule: Rule, target: Target) -> WeightedDestination:
    destination: Destination = {"host": target.host}
    if version := name.partition("\n")[0]:
        destination["subset"] = subset_name(version)
    destination["port"] = {"number": target.port}
    made: WeightedDestination = {"destination": destination}
    if len(rule.destinations) > 1:
        made["weight"] = weight
    if marks := rule.marks.get(name):
        made["headers"] = {"request": {"set": dict(marks)}}
    return made


def _fault(fault: FaultInjection) -> Fault:
    made: Fault = {}
    if fault.delay is not None:
        made["delay"] = {"fixedDelay": fault.delay.duration, "percentage": {"value": fault.delay.percentage}}
    if fault.abort is not None:
        made["abort"] = {"httpStatus": fault.abort.status, "percentage": {"value": fault.abort.percentage}}
    return made


def _retries(rule: Rule, resilience: Resilience) -> Retries:
    retries = resilience.retries
    if retries is None or retries.attempts == 0:
        return {"attempts": 0}
    made: Retries = {"attempts": retries.attempts}
    if retries.try_timeout is not None:
        made["perTryTimeout"] = retries.try_timeout
    made["retryOn"] = RETRY_ON if rule.safe else _UNSEEN
    return made
