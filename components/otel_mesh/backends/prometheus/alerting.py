"""Where a `Prometheus` sends its firing alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from otel_mesh.backends.prometheus.remote_client import RemoteClient, client_config, client_volumes

if TYPE_CHECKING:
    from otel_mesh.k8s.containers import Volume

_PREFIX: Final = "alertmanager"
_FOLDER: Final = "/etc/prometheus-alertmanager"


class AlertmanagerAddress(RemoteClient):
    """An Alertmanager, or several that share what they know.

    Attributes:
        endpoint: URL of the Alertmanager, with the path prefix if it has one.
        every_address: Whether the host name resolves to several Alertmanagers, each of which gets all alerts, as
            clustered Alertmanagers require; with it, TLS needs certificates for the IP addresses.
    """

    every_address: bool = False


def alerting_config(target: AlertmanagerAddress) -> dict[str, Any]:
    """The section ``alerting``; secrets are files."""
    parts = urlsplit(target.url)
    found: dict[str, Any] = {"static_configs": [{"targets": [f"{target.host}:{target.port}"]}]}
    if target.every_address:
        found = {"dns_sd_configs": [{"names": [target.host], "type": "A", "port": target.port}]}
    path = {"path_prefix": parts.path} if parts.path.strip("/") else {}
    return {
        "alertmanagers": [{"scheme": parts.scheme, **path, **client_config(_PREFIX, _FOLDER, target), **found}],
    }


def alerting_volumes(target: AlertmanagerAddress | None) -> tuple[Volume, ...]:
    """The volumes with the secrets and certificates; none without an Alertmanager."""
    return () if target is None else tuple(client_volumes(_PREFIX, _FOLDER, target))
