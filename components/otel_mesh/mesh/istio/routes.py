"""How requests go from a gateway to services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core.values import Port, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otel_mesh.k8s.manifests import Manifest

IDEMPOTENCY_HEADER: Final = "idempotency-key"
"""A client that sends it may have its request repeated (draft-ietf-httpapi-idempotency-key-header)."""

_SAFE_METHODS: Final = "GET|HEAD"
_RETRY_ON: Final = "connect-failure,refused-stream,reset,gateway-error"
_NETWORKING: Final = "networking.istio.io/v1"


class Route(Settings):
    """Where requests go.

    Attributes:
        host: DNS name of a Service, with namespace and domain.
        port: of the Service.
        prefix: of the paths.
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
    """The listeners of a gateway's proxies.

    Args:
        meta: its metadata.
        selected: labels of the proxies' pods.
        hosts: that it answers for.
        http_port: of the pods.
        tls: port of the pods and name of the Secret with the certificate.
        redirects: whether plain HTTP is answered with the address of HTTPS only.
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
        "apiVersion": _NETWORKING,
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
    """Routes with a deadline each; only requests that may be repeated are.

    Args:
        meta: its metadata; the gateway has the same name.
        routes: where requests go.
        hosts: of the gateway.
        timeout: of a request with all its tries.
        retries: after the first try.
        try_timeout: of each.
    """
    repeated = {"attempts": retries, "perTryTimeout": try_timeout, "retryOn": _RETRY_ON}
    http = []
    for route in routes:
        path = {"uri": {"prefix": route.prefix}}
        to = [{"destination": {"host": route.host, "port": {"number": route.port}}}]
        http += [
            {
                "match": [
                    {**path, "method": {"regex": _SAFE_METHODS}},
                    {**path, "headers": {IDEMPOTENCY_HEADER: {"regex": ".+"}}},
                ],
                "route": to,
                "timeout": timeout,
                "retries": repeated,
            },
            {"match": [path], "route": to, "timeout": timeout, "retries": {"attempts": 0}},
        ]
    return {
        "apiVersion": _NETWORKING,
        "kind": "VirtualService",
        "metadata": dict(meta),
        "spec": {"hosts": list(hosts), "gateways": [meta["name"]], "http": http},
    }
