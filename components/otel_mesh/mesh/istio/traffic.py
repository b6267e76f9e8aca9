"""Traffic policies as Istio's objects: one VirtualService and one DestinationRule per host, and local rate limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh.core.labels import Annotation, Label
from otel_mesh.mesh.istio.authorization import mesh_metadata
from otel_mesh.mesh.istio.kinds import DESTINATION_RULE, ENVOY_FILTER, VIRTUAL_SERVICE
from otel_mesh.mesh.istio.traffic_routes import http_rules
from otel_mesh.mesh.policies.matching import seconds
from otel_mesh.mesh.policies.traffic import subset_name

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.istio.policy_types import EnvoyFilterSpec, NetworkFilter, Patch, PatchMatch
    from otel_mesh.mesh.istio.traffic_types import DestinationRuleSpec, HostTraffic, TcpLimits
    from otel_mesh.mesh.policies.resilience import RateLimit
    from otel_mesh.mesh.policies.traffic import Target, TrafficPolicy

VERSION_LABEL = "version"
"""Label of a pod's version, which subsets select; ``service.istio.io/canonical-revision`` follows it."""


def traffic_manifests(policy: TrafficPolicy, target: Target) -> list[Manifest]:
    """The objects of one service's policy.

    Args:
        policy: Policy of the service.
        target: The service.
    """
    made: list[Manifest] = []
    if rules := http_rules(policy, target):
        meta = mesh_metadata(target.service, target.namespace)
        if policy.fault is not None and policy.fault.expires is not None:
            meta["annotations"] = {Annotation.FAULT_EXPIRES.value: policy.fault.expires.isoformat()}
        made.append(VIRTUAL_SERVICE.manifest(meta, {"hosts": [target.host], "http": rules}))
    if spec := _destination_spec(policy, target):
        made.append(DESTINATION_RULE.manifest(mesh_metadata(target.service, target.namespace), spec))
    if policy.rate_limit is not None:
        made.append(_rate_limit(policy.rate_limit, target))
    return made


def _destination_spec(policy: TrafficPolicy, target: Target) -> DestinationRuleSpec | None:
    traffic = _limits(policy)
    if not (traffic or policy.versions):
        return None
    spec: DestinationRuleSpec = {"host": target.host}
    if traffic:
        spec["trafficPolicy"] = traffic
    if policy.versions:
        names = dict.fromkeys((target.version, *policy.versions))
        spec["subsets"] = [{"name": subset_name(name), "labels": {VERSION_LABEL: name}} for name in names]
    return spec


def _limits(policy: TrafficPolicy) -> HostTraffic:
    resilience = policy.resilience
    if resilience is None:
        return {}
    made: HostTraffic = {}
    if (limits := resilience.connections) is not None:
        connections: TcpLimits = {"maxConnections": limits.max_connections}
        if limits.connect_timeout is not None:
            connections["connectTimeout"] = limits.connect_timeout
        made["connectionPool"] = {
            "tcp": connections,
            "http": {
                "http1MaxPendingRequests": limits.max_pending_requests,
                "http2MaxRequests": limits.max_requests,
            },
        }
    if (outliers := resilience.outliers) is not None:
        made["outlierDetection"] = {
            "consecutive5xxErrors": outliers.consecutive_errors,
            "interval": outliers.interval,
            "baseEjectionTime": outliers.ejection_time,
            "maxEjectionPercent": outliers.max_ejection_percent,
        }
    return made


def _rate_limit(limit: RateLimit, target: Target) -> Manifest:
    """A token bucket in the proxy of each pod; Istio has no object of its own for it."""
    kind = "type.googleapis.com"
    bucket = {
        "max_tokens": limit.burst or limit.requests,
        "tokens_per_fill": limit.requests,
        "fill_interval": f"{seconds(limit.interval):f}s",  # the only form that Envoy reads
    }
    whole = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    settings = {
        "stat_prefix": "http_local_rate_limiter",
        "token_bucket": bucket,
        "filter_enabled": {"runtime_key": "local_rate_limit_enabled", **whole},
        "filter_enforced": {"runtime_key": "local_rate_limit_enforced", **whole},
    }
    value = {
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": {
            "@type": f"{kind}/udpa.type.v1.TypedStruct",
            "type_url": f"{kind}/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            "value": settings,
        },
    }
    manager: NetworkFilter = {
        "name": "envoy.filters.network.http_connection_manager",
        "subFilter": {"name": "envoy.filters.http.router"},
    }
    match: PatchMatch = {
        "context": "SIDECAR_INBOUND",
        "listener": {"portNumber": target.port, "filterChain": {"filter": manager}},
    }
    patch: Patch = {"operation": "INSERT_BEFORE", "value": value}
    spec: EnvoyFilterSpec = {
        "priority": 10,  # a place relative to other filters needs one
        "workloadSelector": {"labels": {Label.NAME.value: target.service}},
        "configPatches": [{"applyTo": "HTTP_FILTER", "match": match, "patch": patch}],
    }
    return ENVOY_FILTER.manifest(mesh_metadata(f"{target.service}-rate-limit", target.namespace), spec)
