"""Listeners and routes of the Gateway API.

A route stands in the namespace of its Service, so that no reference crosses namespaces. Which namespaces may attach
routes is a matter of the Gateway's listeners.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core.labels import Role, recommended
from otel_mesh.k8s.manifests import metadata
from otel_mesh.mesh.gateway_api.kinds import BACKEND_TRAFFIC, EDGE_ROUTE, GATEWAY, GATEWAY_API
from otel_mesh.mesh.policies.matching import IDEMPOTENCY_HEADER

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.binding import RouteParent
    from otel_mesh.mesh.gateway_api.gateway_types import (
        AllowedRoutes,
        EdgeFilter,
        EdgeRouteSpec,
        EdgeRule,
        GatewayReference,
        Infrastructure,
        Listener,
    )
    from otel_mesh.mesh.gateway_api.route_types import HttpMatch
    from otel_mesh.mesh.policies.ingress import IngressGatewaySettings

_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"


def edge_metadata(name: str, namespace: pulumi.Input[str] | None) -> dict[str, Any]:
    """Metadata of an object that configures a gateway.

    Args:
        name: Name of the object.
        namespace: Namespace of the object; None for an object without one.
    """
    return metadata(name, recommended("gateway", name, Role.GATEWAY), namespace=namespace)


def route_name(service: str) -> str:
    """Name of the HTTPRoute of a service."""
    return f"{service}-gateway"


def gateway_object(
    settings: IngressGatewaySettings,
    meta: dict[str, Any],
    gateway_class: str,
    namespaces: Sequence[pulumi.Input[str]],
    infrastructure: Infrastructure | None,
) -> Manifest:
    """The Gateway object.

    Args:
        settings: Settings of the gateway.
        meta: Metadata of the object.
        gateway_class: Name of the GatewayClass.
        namespaces: Namespaces whose HTTPRoutes may be attached.
        infrastructure: Settings of the program that serves the Gateway.
    """
    serves: AllowedRoutes = {
        "namespaces": {
            "from": "Selector",
            "selector": {
                "matchExpressions": [{"key": _NAMESPACE_NAME, "operator": "In", "values": list(namespaces)}],
            },
        },
        "kinds": [{"group": GATEWAY_API, "kind": EDGE_ROUTE.name}],
    }
    # only the redirect of the gateway's own namespace
    redirects: AllowedRoutes = {"namespaces": {"from": "Same"}, "kinds": serves["kinds"]}
    listeners: list[Listener] = []
    for host in settings.hosts:
        plain: Listener = {
            "name": _section("http", host),
            "port": 80,
            "protocol": "HTTP",
            "allowedRoutes": serves if settings.plain_http == "serve" else redirects,
        }
        both = [plain]
        if settings.tls_secret is not None:
            both.append(
                {
                    "name": _section("https", host),
                    "port": 443,
                    "protocol": "HTTPS",
                    "tls": {
                        "mode": "Terminate",
                        "certificateRefs": [{"group": "", "kind": "Secret", "name": settings.tls_secret}],
                    },
                    "allowedRoutes": serves,
                }
            )
        for one in both:
            if host != "*":
                one["hostname"] = host
        listeners += both
    if infrastructure is None:
        return GATEWAY.manifest(meta, {"gatewayClassName": gateway_class, "listeners": listeners})
    return GATEWAY.manifest(
        meta, {"gatewayClassName": gateway_class, "listeners": listeners, "infrastructure": infrastructure}
    )


def https_redirect(settings: IngressGatewaySettings, namespace: pulumi.Input[str]) -> Manifest:
    """The HTTPRoute that redirects plain HTTP requests to HTTPS.

    Args:
        settings: Settings of the gateway.
        namespace: Namespace of the Gateway object.
    """
    sections: list[GatewayReference] = [
        {"group": GATEWAY_API, "kind": GATEWAY.name, "name": settings.name, "sectionName": _section("http", host)}
        for host in settings.hosts
    ]
    moved: EdgeFilter = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    meta = edge_metadata(f"{settings.name}-https", namespace)
    return EDGE_ROUTE.manifest(meta, {"parentRefs": sections, "rules": [{"filters": [moved]}]})


def service_route(  # noqa: PLR0913 - the parts of a route, all by keyword
    service: str,
    namespace: pulumi.Input[str],
    parent: RouteParent,
    *,
    port: int,
    prefix: str,
    hosts: Sequence[str],
    retries: int,
    strip_prefix: bool = False,
) -> list[Manifest]:
    """The HTTPRoute of a service, and with Envoy Gateway the retries of its safe requests.

    Args:
        service: Name of the Service.
        namespace: Namespace of the Service.
        parent: Gateway object that the route is attached to.
        port: Port of the Service.
        prefix: Prefix of the paths that are forwarded, by whole segments.
        hosts: Host names; those of the Gateway's listeners when empty.
        retries: Number of retries of safe requests after the first try.
        strip_prefix: Whether the service gets the paths without the prefix.
    """
    rest: EdgeRule = {"matches": [{"path": {"type": "PathPrefix", "value": prefix}}]}
    rules = [rest]
    repeated: list[EdgeRule] = []
    if parent.envoy and retries:
        # a rule for each condition: one that replaces a prefix has exactly one
        repeated = [{"name": name, "matches": [match]} for name, match in _safe(prefix).items()]
        rules = [*repeated, rest]
    for rule in rules:
        if filters := _filters(parent, strip_prefix=strip_prefix):
            rule["filters"] = filters
        rule["timeouts"] = {"request": parent.timeout}
        rule["backendRefs"] = [{"group": "", "kind": "Service", "name": service, "port": port, "weight": 1}]
    name = route_name(service)
    spec: EdgeRouteSpec = {
        "parentRefs": [
            {"group": GATEWAY_API, "kind": GATEWAY.name, "name": parent.name, "namespace": parent.namespace}
        ],
        "rules": rules,
    }
    if hosts:
        spec["hostnames"] = list(hosts)
    route = EDGE_ROUTE.manifest(edge_metadata(name, namespace), spec)
    return [route, _retries(name, namespace, parent, retries, repeated)] if repeated else [route]


def _section(scheme: str, host: str) -> str:
    """Name of a listener: unlike a host name it begins with a letter."""
    return scheme if host == "*" else f"{scheme}.{host.replace('*', 'wildcard')}"


def _safe(prefix: str) -> dict[str, HttpMatch]:
    """Conditions of requests that may be repeated, by the name of their rule."""
    return {
        "get": {"path": {"type": "PathPrefix", "value": prefix}, "method": "GET"},
        "head": {"path": {"type": "PathPrefix", "value": prefix}, "method": "HEAD"},
        "idempotent": {
            "path": {"type": "PathPrefix", "value": prefix},
            "headers": [{"type": "RegularExpression", "name": IDEMPOTENCY_HEADER, "value": ".+"}],
        },
    }


def _filters(parent: RouteParent, *, strip_prefix: bool) -> list[EdgeFilter]:
    made: list[EdgeFilter] = []
    if parent.removed_headers:
        made.append(
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": list(parent.removed_headers)}}
        )
    if strip_prefix:
        made.append(
            {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
        )
    return made


def _retries(
    name: str, namespace: pulumi.Input[str], parent: RouteParent, retries: int, rules: Sequence[EdgeRule]
) -> Manifest:
    return BACKEND_TRAFFIC.manifest(
        edge_metadata(name, namespace),
        {
            "targetRefs": [
                {"group": GATEWAY_API, "kind": EDGE_ROUTE.name, "name": name, "sectionName": rule["name"]}
                for rule in rules
            ],
            "retry": {
                "numRetries": retries,
                "perRetry": {"timeout": parent.try_timeout},
                "retryOn": {"triggers": ["connect-failure", "refused-stream", "reset", "gateway-error"]},
            },
        },
    )
