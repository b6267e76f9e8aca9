"""Routes from a gateway to services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core.values import Port, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otel_mesh.k8s.manifests import Manifest

IDEMPOTENCY_HEADER: Final = "idempotency-key"
"""Header of requests that are safe to retry (draft-ietf-httpapi-idempotency-key-header)."""

SAFE_METHODS: Final = "GET|HEAD"
"""Methods that are safe to retry, as a regular expression."""
RETRY_ON: Final = "connect-failure,refused-stream,reset,gateway-error"
"""Failures after which a safe request is repeated."""
NETWORKING: Final = "networking.istio.io/v1"
"""API version of Istio's traffic objects."""


class Route(Settings):
    """A Service that a gateway forwards requests to.

    Attributes:
        host: Fully qualified DNS name of the Service.
        port: Port of the Service.
        prefix: Prefix of the paths that are forwarded.
    """

    host: str
    port: Port
    prefix: str = "/"


def gateway_object(  # noqa: PLR0913 - the parts of a listener, all by keyword
    meta: Mapping[str, Any],
    selected: Mapping[str, str],
    *,
    hosts: Sequence[str],
    http_port: int,
    tls: tuple[int, str] | None,
    redirects: bool = False,
) -> Manifest:
    """The Gateway object: the listeners of the proxies.

    Args:
        meta: Metadata of the object.
        selected: Labels of the proxies' pods.
        hosts: Host names that the gateway answers for.
        http_port: Port of the pods for plain HTTP.
        tls: Port of the pods for HTTPS and name of the Secret with the certificate; None without HTTPS.
        redirects: Whether plain HTTP requests are redirected to HTTPS.
    """
    plain: dict[str, Any] = {"port": {"number": http_port, "name": "http", "protocol": "HTTP"}, "hosts": list(hosts)}
    if redirects:
        plain["tls"] = {"httpsRedirect": True}
    servers = [plain]
    if tls is not None:
        port, secret = tls
        servers.append(
            {
                "port": {"number": port, "name": "https", "protocol": "HTTPS"},
                "hosts": list(hosts),
                "tls": {"mode": "SIMPLE", "credentialName": secret, "minProtocolVersion": "TLSV1_2"},
            }
        )
    return {
        "apiVersion": NETWORKING,
        "kind": "Gateway",
        "metadata": dict(meta),
        "spec": {"selector": dict(selected), "servers": servers},
    }


def virtual_service(  # noqa: PLR0913 - the parts of a route, all by keyword
    meta: Mapping[str, Any],
    routes: Iterable[Route],
    *,
    hosts: Sequence[str],
    timeout: str,
    retries: int,
    try_timeout: str,
) -> Manifest:
    """The VirtualService object: routes with a timeout; only safe requests are retried.

    Args:
        meta: Metadata of the object; the Gateway object has the same name.
        routes: Services that requests are forwarded to.
        hosts: Host names of the gateway.
        timeout: Timeout of a request, including retries.
        retries: Number of retries after the first try.
        try_timeout: Timeout of each try.
    """
    repeated = {"attempts": retries, "perTryTimeout": try_timeout, "retryOn": RETRY_ON}
    http = []
    for route in routes:
        path = {"uri": {"prefix": route.prefix}}
        to = [{"destination": {"host": route.host, "port": {"number": route.port}}}]
        http += [
            {
                "match": [
                    {**path, "method": {"regex": SAFE_METHODS}},
                    {**path, "headers": {IDEMPOTENCY_HEADER: {"regex": ".+"}}},
                ],
                "route": to,
                "timeout": timeout,
                "retries": repeated,
            },
            {"match": [path], "route": to, "timeout": timeout, "retries": {"attempts": 0}},
        ]
    return {
        "apiVersion": NETWORKING,
        "kind": "VirtualService",
        "metadata": dict(meta),
        "spec": {"hosts": list(hosts), "gateways": [meta["name"]], "http": http},
    }
