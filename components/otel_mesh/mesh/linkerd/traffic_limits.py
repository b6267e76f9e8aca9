"""What Linkerd cannot do of a traffic policy: refused with the reason and the nearest that it can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.core.errors import Problem
from otel_mesh.mesh.policies.matching import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.mesh.policies.fault import FaultInjection
    from otel_mesh.mesh.policies.resilience import RateLimit, Resilience
    from otel_mesh.mesh.policies.traffic import Target, TrafficPolicy

_WHOLE: Final = 100


def traffic_problems(policy: TrafficPolicy, target: Target) -> list[Problem]:
    """What Linkerd cannot do of a policy.

    Args:
        policy: Policy of the service.
        target: The service.
    """
    found: list[Problem] = []
    if policy.fault is not None:
        found += _faults(policy.fault, target)
    if policy.resilience is not None:
        found += _resilience(policy.resilience, target)
    if policy.rate_limit is not None:
        found += _rate_limit(policy.rate_limit)
    return found


def _faults(fault: FaultInjection, target: Target) -> Iterator[Problem]:
    if target.protocol == "grpc":
        reason = "Linkerd injects faults by a backend that answers in HTTP/1.1, which gRPC clients do not speak"
        yield Problem("fault", reason, "inject them where an HTTP caller calls, or on a mesh of Istio")
        return
    delay, abort = fault.delay, fault.abort
    if delay is None:
        return
    if abort is None:
        reason = "Linkerd cannot delay requests and then send them on"
        yield Problem("fault.delay", reason, "set fault.abort too: an error backend then answers late")
    elif delay.percentage != abort.percentage:
        reason = f"Linkerd delays only requests that fail, {abort.percentage:g} % of them, not {delay.percentage:g} %"
        yield Problem("fault.delay.percentage", reason, "set it to the percentage of fault.abort")


def _resilience(resilience: Resilience, target: Target) -> Iterator[Problem]:
    if resilience.connections is not None:
        reason = "Linkerd has no limits of connections and pending requests"
        remedy = "remove it; rate_limit at the service and resilience.timeout are the nearest"
        yield Problem("resilience.connections", reason, remedy)
    retries, outliers = resilience.retries, resilience.outliers
    if retries is not None and retries.attempts and target.protocol == "grpc":
        reason = "Linkerd repeats gRPC calls by their status only, also those that the service has done already"
        yield Problem("resilience.retries", reason, "set attempts to 0, and repeat safe calls in the program")
    if outliers is None:
        return
    if "max_ejection_percent" in outliers.model_fields_set and outliers.max_ejection_percent != _WHOLE:
        reason = "Linkerd ejects any number of pods"
        remedy = "remove it, or set it to 100; with all of them ejected, requests fail at once"
        yield Problem("resilience.outliers.max_ejection_percent", reason, remedy)
    if "interval" in outliers.model_fields_set:
        reason = "Linkerd counts with every answer, not at intervals"
        yield Problem("resilience.outliers.interval", reason, "remove it")


def _rate_limit(limit: RateLimit) -> Iterator[Problem]:
    if (limit.requests / seconds(limit.interval)) % 1:
        reason = f"{limit.requests} requests per {limit.interval} are no whole number per second, as Linkerd counts"
        yield Problem("rate_limit.requests", reason, "write whole requests per second: interval 1s")
    if limit.burst is not None and limit.burst != limit.requests:
        yield Problem("rate_limit.burst", "Linkerd has no bursts", "remove it")
