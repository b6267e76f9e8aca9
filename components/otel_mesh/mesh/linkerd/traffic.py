"""Traffic policies as Linkerd's objects: routes attached to the Service, a Service per version, and rate limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.core.labels import Annotation, Label
from otel_mesh.mesh.gateway_api.kinds import GRPC_ROUTE, HTTP_ROUTE
from otel_mesh.mesh.linkerd.binding import APP_PROTOCOLS
from otel_mesh.mesh.linkerd.error_backend import error_backend
from otel_mesh.mesh.linkerd.kinds import RATE_LIMIT
from otel_mesh.mesh.linkerd.objects import mesh_metadata, milliseconds, policy_ref
from otel_mesh.mesh.linkerd.traffic_rules import grpc_rule, http_rule
from otel_mesh.mesh.policies.matching import seconds
from otel_mesh.mesh.policies.rules import traffic_rules
from otel_mesh.mesh.policies.traffic import subset_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.gateway_api.route_types import ParentReference
    from otel_mesh.mesh.linkerd.policy_types import HttpLocalRateLimitPolicySpec
    from otel_mesh.mesh.policies.resilience import RateLimit
    from otel_mesh.mesh.policies.traffic import Target, TrafficPolicy

VERSION_LABEL: Final = Label.SERVICE_VERSION.value
_RETRY_ON: Final = "gateway-error"
"""Answers after which a safe request is repeated: 502, 503 and 504."""
_ACCRUAL: Final = "balancer.linkerd.io/failure-accrual"


def traffic_manifests(policy_: TrafficPolicy, target: Target) -> list[Manifest]:
    """The objects of one service's policy.

    Args:
        policy_: Policy of the service; `traffic_limits.traffic_problems` finds none in it.
        target: The service.
    """
    made: list[Manifest] = []
    if policy_.versions:
        names = dict.fromkeys((target.version, *policy_.versions))
        made += [_version_service(target, version) for version in names]
    if policy_.fault is not None and policy_.fault.abort is not None:
        made += error_backend(policy_.fault, target)
    made += _routes(policy_, target)
    if policy_.rate_limit is not None:
        made.append(_rate_limit(policy_.rate_limit, target))
    return made


def service_annotations(policy_: TrafficPolicy) -> dict[str, str]:
    """The annotations of the Service itself: failure accrual, which Linkerd reads nowhere else.

    Args:
        policy_: Policy of the service.
    """
    outliers = policy_.resilience.outliers if policy_.resilience is not None else None
    if outliers is None:
        return {}
    longest = max(int(seconds(outliers.ejection_time) * 10), 60)
    return {
        _ACCRUAL: "consecutive",
        f"{_ACCRUAL}-consecutive-max-failures": str(outliers.consecutive_errors),
        f"{_ACCRUAL}-consecutive-min-penalty": milliseconds(outliers.ejection_time),
        f"{_ACCRUAL}-consecutive-max-penalty": f"{longest}s",
    }


def version_service(target: Target, version: str) -> str:
    """Name of the Service of one version of a service.

    Args:
        target: The service.
        version: Value of the ``version`` label of its pods.
    """
    return f"{target.service}-{subset_name(version)}"


def _version_service(target: Target, version: str) -> Manifest:
    name = version_service(target, version)
    app_protocol = APP_PROTOCOLS.get(target.protocol, target.protocol)
    port = {"name": target.protocol, "port": target.port, "targetPort": target.port, "appProtocol": app_protocol}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": mesh_metadata(name, target.namespace, {Annotation.SKIP_AWAIT.value: "true"}),
        "spec": {
            "selector": {Label.NAME.value: target.service, VERSION_LABEL: version},
            "ports": [port],
        },
    }


def _routes(policy_: TrafficPolicy, target: Target) -> Iterator[Manifest]:
    """One route, or two where safe requests are repeated: annotations are about a whole route."""
    rules = traffic_rules(policy_, target)
    parent: ParentReference = {**policy_ref("Service", target.service, ""), "port": target.port}
    common = _timing(policy_) | _ends(policy_)
    for safe, name in ((True, f"{target.service}-safe"), (False, target.service)):
        chosen = [one for one in rules if bool(one.safe) is safe]
        if chosen:
            notes = common | (_retries(policy_) if safe else {})
            meta = mesh_metadata(name, target.namespace, notes)
            if target.protocol == "grpc":
                calls = [grpc_rule(one, target) for one in chosen]
                yield GRPC_ROUTE.manifest(meta, {"parentRefs": [parent], "rules": calls})
            else:
                requests = [http_rule(one, target) for one in chosen]
                yield HTTP_ROUTE.manifest(meta, {"parentRefs": [parent], "rules": requests})


def _timing(policy_: TrafficPolicy) -> dict[str, str]:
    timeout = policy_.resilience.timeout if policy_.resilience is not None else None
    return {} if timeout is None else {"timeout.linkerd.io/request": milliseconds(timeout)}


def _retries(policy_: TrafficPolicy) -> dict[str, str]:
    retries = policy_.resilience.retries if policy_.resilience is not None else None
    if retries is None or not retries.attempts:
        return {}
    made = {"retry.linkerd.io/http": _RETRY_ON, "retry.linkerd.io/limit": str(retries.attempts)}
    if retries.try_timeout is not None:
        made["retry.linkerd.io/timeout"] = milliseconds(retries.try_timeout)
    return made


def _ends(policy_: TrafficPolicy) -> dict[str, str]:
    expires = policy_.fault.expires if policy_.fault is not None else None
    return {} if expires is None else {Annotation.FAULT_EXPIRES.value: expires.isoformat()}


def _rate_limit(limit: RateLimit, target: Target) -> Manifest:
    """A limit of each pod's proxy, at the Server that the service's access control has."""
    spec: HttpLocalRateLimitPolicySpec = {
        "targetRef": policy_ref("Server", target.service),
        "total": {"requestsPerSecond": int(limit.requests / seconds(limit.interval))},
    }
    return RATE_LIMIT.manifest(mesh_metadata(f"{target.service}-rate-limit", target.namespace), spec)
