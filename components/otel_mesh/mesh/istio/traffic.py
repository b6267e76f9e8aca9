"""Traffic policies as Istio's objects: one VirtualService and one DestinationRule per host, and local rate limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_mesh.core.labels import Annotation, Label
from otel_mesh.mesh.istio.authorization import mesh_metadata
from otel_mesh.mesh.istio.routes import NETWORKING
from otel_mesh.mesh.istio.traffic_routes import http_rules
from otel_mesh.mesh.policies.matching import seconds
from otel_mesh.mesh.policies.traffic import subset_name

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest
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
        spec = {"hosts": [target.host], "http": rules}
        expires = policy.fault.expires if policy.fault is not None else None
        ends = {Annotation.FAULT_EXPIRES.value: expires.isoformat()} if expires is not None else None
        made.append(_object("VirtualService", target, spec, ends))
    if spec := _destination_spec(policy, target):
        made.append(_object("DestinationRule", target, {"host": target.host, **spec}))
    if policy.rate_limit is not None:
        made.append(_rate_limit(policy.rate_limit, target))
    return made


def _object(kind: str, target: Target, spec: dict[str, Any], annotations: dict[str, str] | None = None) -> Manifest:
    meta = mesh_metadata(target.service, target.namespace)
    if annotations:
        meta["annotations"] = annotations
    return {"apiVersion": NETWORKING, "kind": kind, "metadata": meta, "spec": spec}


def _destination_spec(policy: TrafficPolicy, target: Target) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if traffic := _limits(policy):
        spec["trafficPolicy"] = traffic
    if policy.versions:
        names = dict.fromkeys((target.version, *policy.versions))
        spec["subsets"] = [{"name": subset_name(name), "labels": {VERSION_LABEL: name}} for name in names]
    return spec


def _limits(policy: TrafficPolicy) -> dict[str, Any]:
    resilience = policy.resilience
    if resilience is None:
        return {}
    made: dict[str, Any] = {}
    if (limits := resilience.connections) is not None:
        timeout = {"connectTimeout": limits.connect_timeout} if limits.connect_timeout is not None else {}
        made["connectionPool"] = {
            "tcp": {"maxConnections": limits.max_connections, **timeout},
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
    manager = {
        "name": "envoy.filters.network.http_connection_manager",
        "subFilter": {"name": "envoy.filters.http.router"},
    }
    match = {
        "context": "SIDECAR_INBOUND",
        "listener": {"portNumber": target.port, "filterChain": {"filter": manager}},
    }
    patch = {"operation": "INSERT_BEFORE", "value": value}
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": mesh_metadata(f"{target.service}-rate-limit", target.namespace),
        "spec": {
            "priority": 10,  # a place relative to other filters needs one
            "workloadSelector": {"labels": {Label.NAME.value: target.service}},
            "configPatches": [{"applyTo": "HTTP_FILTER", "match": match, "patch": patch}],
        },
    }
