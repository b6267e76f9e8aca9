"""Routes from a gateway to services.

The platform owns every VirtualService that is bound to its gateway. A route of a team is delegated: the platform's
VirtualService fixes host, path prefix and timeout, and names one VirtualService of the team's namespace, which Istio
ignores as far as it goes beyond that place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.mesh.istio.kinds import GATEWAY, VIRTUAL_SERVICE
from otel_mesh.mesh.policies.matching import IDEMPOTENCY_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pulumi

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.istio.host_types import Listener
    from otel_mesh.mesh.istio.traffic_types import Delegate, HttpMatch, HttpRoute, Retries, WeightedDestination
    from otel_mesh.mesh.policies.ingress import Route
    from otel_mesh.mesh.policies.team_routes import TeamRoute

SAFE: Final[tuple[HttpMatch, ...]] = (
    {"method": {"regex": "GET|HEAD"}},
    {"headers": {IDEMPOTENCY_HEADER: {"regex": ".+"}}},
)
"""Conditions of requests that may be retried."""
RETRY_ON: Final = "connect-failure,refused-stream,reset,gateway-error"
"""Failures after which a safe request is repeated."""


def gateway_object(  # noqa: PLR0913 - the parts of a listener, all by keyword
    meta: Mapping[str, Any],
    selected: Mapping[str, str],
    *,
    hosts: Sequence[str],
    http_port: int,
    tls: tuple[int, pulumi.Input[str]] | None,
    redirects: bool = False,
) -> Manifest:
    """The Gateway object: the listeners of the proxies.

    Args:
        meta: Metadata of the object.
        selected: Labels of the proxies' pods.
        hosts: Host names that the gateway answers for. Only a VirtualService of the gateway's namespace is bound to
            them; one of another namespace has to be delegated to.
        http_port: Port of the pods for plain HTTP.
        tls: Port of the pods for HTTPS and name of the Secret with the certificate; None without HTTPS.
        redirects: Whether plain HTTP requests are redirected to HTTPS.
    """
    own = [f"./{host}" for host in hosts]
    plain: Listener = {"port": {"number": http_port, "name": "http", "protocol": "HTTP"}, "hosts": own}
    if redirects:
        plain["tls"] = {"httpsRedirect": True}
    servers = [plain]
    if tls is not None:
        port, secret = tls
        servers.append(
            {
                "port": {"number": port, "name": "https", "protocol": "HTTPS"},
                "hosts": own,
                "tls": {"mode": "SIMPLE", "credentialName": secret, "minProtocolVersion": "TLSV1_2"},
            }
        )
    return GATEWAY.manifest(meta, {"selector": dict(selected), "servers": servers})


def virtual_services(  # noqa: PLR0913 - the parts of a route, all by keyword
    meta: Mapping[str, Any],
    routes: Iterable[Route],
    *,
    hosts: Sequence[str],
    timeout: str,
    retries: int,
    try_timeout: str,
    team_routes: Sequence[TeamRoute] = (),
) -> list[Manifest]:
    """The VirtualService objects: routes with a timeout, longest prefix first; only safe requests are retried.

    Args:
        meta: Metadata of the first object; the Gateway object has the same name.
        routes: Services that requests are forwarded to.
        hosts: Host names of the gateway.
        timeout: Timeout of a request, including retries.
        retries: Number of retries after the first try.
        try_timeout: Timeout of each try.
        team_routes: Places that are delegated to teams; each of their hosts gets an object of its own.
    """
    whole: Retries = {"attempts": retries, "perTryTimeout": try_timeout, "retryOn": RETRY_ON}
    repeated: Retries = whole if retries else {"attempts": 0}  # Istio refuses a condition without attempts
    placed: list[tuple[str, list[HttpRoute]]] = []
    for route in routes:
        to: list[WeightedDestination] = [{"destination": {"host": route.host, "port": {"number": route.port}}}]
        paths = _paths(route.prefix)
        steps: list[HttpRoute] = [
            {
                "match": [{**path, **safe} for safe in SAFE for path in paths],
                "route": to,
                "timeout": timeout,
                "retries": repeated,
            },
            {"match": paths, "route": to, "timeout": timeout, "retries": {"attempts": 0}},
        ]
        placed.append((route.prefix, steps))
    placed += [(one.path_prefix, [_delegated(one, timeout)]) for one in team_routes if one.host is None]
    objects = [_bound(meta, meta["name"], hosts, _longest_first(placed))]
    for host in sorted({one.host for one in team_routes if one.host is not None}):
        theirs = [(one.path_prefix, [_delegated(one, timeout)]) for one in team_routes if one.host == host]
        objects.append(_bound({**meta, "name": f"{meta['name']}-{host}"}, meta["name"], [host], _longest_first(theirs)))
    return objects


def delegate_name(service: str) -> str:
    """Name of the VirtualService of a team's service that the platform's delegates to."""
    return f"{service}-gateway"


def delegated_virtual_service(
    meta: Mapping[str, Any], *, host: pulumi.Input[str], port: int, strip_prefix: bool, retries: int
) -> Manifest:
    """The VirtualService of a team's service, which has effect only where the platform's delegates to it.

    Args:
        meta: Metadata of the object; its name and namespace are those of the platform's `TeamRoute`.
        host: Fully qualified DNS name of the Service.
        port: Port of the Service.
        strip_prefix: Whether the service gets the paths without the route's prefix.
        retries: Number of retries of safe requests after the first try.
    """
    common: HttpRoute = {"route": [{"destination": {"host": host, "port": {"number": port}}}]}
    if strip_prefix:
        common["rewrite"] = {"uri": "/"}
    repeated: Retries = {"attempts": retries, "retryOn": RETRY_ON} if retries else {"attempts": 0}
    safe: HttpRoute = {"match": list(SAFE), **common, "retries": repeated}
    return VIRTUAL_SERVICE.manifest(meta, {"http": [safe, {**common, "retries": {"attempts": 0}}]})


def _paths(prefix: str) -> list[HttpMatch]:
    """Conditions of the paths below a prefix, by whole segments: Envoy's own prefixes are of characters."""
    if prefix == "/":
        return [{"uri": {"prefix": "/"}}]
    return [{"uri": {"exact": prefix}}, {"uri": {"prefix": f"{prefix}/"}}]


def _delegated(route: TeamRoute, timeout: str) -> HttpRoute:
    to: Delegate = {"name": delegate_name(route.service), "namespace": route.namespace}
    return {"match": _paths(route.path_prefix), "delegate": to, "timeout": timeout}


def _longest_first(placed: Iterable[tuple[str, list[HttpRoute]]]) -> list[HttpRoute]:
    return [step for _, steps in sorted(placed, key=lambda one: -len(one[0])) for step in steps]


def _bound(meta: Mapping[str, Any], gateway: str, hosts: Sequence[str], http: list[HttpRoute]) -> Manifest:
    return VIRTUAL_SERVICE.manifest(meta, {"hosts": list(hosts), "gateways": [gateway], "http": http})
