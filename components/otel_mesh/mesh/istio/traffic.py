"""Traffic policies as Istio's objects: one VirtualService and one DestinationRule per host, and local rate limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi  # noqa: TC002 - a component plugin reads it at run time

from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Annotation, Label
from otel_mesh.k8s.component import Component
from otel_mesh.mesh.binding import MeshBinding  # noqa: TC001 - a component plugin reads it at run time
from otel_mesh.mesh.istio.authorization import mesh_metadata
from otel_mesh.mesh.istio.routes import NETWORKING
from otel_mesh.mesh.istio.traffic_routes import http_rules
from otel_mesh.mesh.policies.matching import seconds
from otel_mesh.mesh.policies.traffic import Target, TrafficPolicy, subset_name

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.policies.resilience import RateLimit

VERSION_LABEL = "version"
"""Label of a pod's version, which subsets select; ``service.istio.io/canonical-revision`` follows it."""


@dataclass(frozen=True, kw_only=True)
class ServiceTrafficArgs:
    """Arguments of a `ServiceTraffic`.

    Attributes:
        target: The service.
        mesh: Binding of the mesh.
        settings: Policy of the service, or a mapping of its fields.
    """

    target: Target
    mesh: MeshBinding
    settings: TrafficPolicy = field(default_factory=TrafficPolicy)


def service_traffic_manifests(args: ServiceTrafficArgs, settings: TrafficPolicy) -> list[Manifest]:
    """The objects of one service's policy.

    Args:
        args: Arguments of the component.
        settings: Policy of the service.

    Raises:
        InvalidSettingsError: The policy names a version that the service lacks, or the mesh is not Istio.
    """
    target = parse(Target, args.target, "target")
    problems = target.problems(settings)
    if not args.mesh.trust_domain:
        problems.append(Problem("", "needs a mesh", "install one, or remove the policy"))
    if problems:
        raise InvalidSettingsError(problems)
    made: list[Manifest] = []
    if rules := http_rules(settings, target):
        spec = {"hosts": [target.host], "http": rules}
        expires = settings.fault.expires if settings.fault is not None else None
        ends = {Annotation.FAULT_EXPIRES.value: expires.isoformat()} if expires is not None else None
        made.append(_object("VirtualService", target, spec, ends))
    if spec := _destination_spec(settings, target):
        made.append(_object("DestinationRule", target, {"host": target.host, **spec}))
    if settings.rate_limit is not None:
        made.append(_rate_limit(settings.rate_limit, target))
    return made


class ServiceTraffic(Component):
    """Applies a traffic policy to the requests of one service's callers.

    All policies of a host are one VirtualService and one DestinationRule: Istio's behaviour with two is undefined.
    """

    TYPE: ClassVar[str] = "ServiceTraffic"

    def __init__(self, name: str, args: ServiceTrafficArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(TrafficPolicy, args.settings)
        manifests = service_traffic_manifests(args, settings)
        super().__init__(name, opts)
        self.children(manifests)
        self.register_outputs({})


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
