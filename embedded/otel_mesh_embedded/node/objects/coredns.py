"""The cluster's DNS server."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from otel_mesh_embedded.node import templates
from otel_mesh_embedded.node.layout import CLUSTER_DOMAIN, DNS_SERVICE_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Sequence


def corefile(name_servers: Sequence[str]) -> str:
    """Configuration of CoreDNS; without name servers, names outside the cluster are refused."""
    forward = f"    forward . {' '.join(name_servers)}\n    loop\n" if name_servers else ""
    return templates.text("Corefile", domain=CLUSTER_DOMAIN, forward=forward)


def manifests(image: str, name_servers: Sequence[str]) -> list[dict[str, Any]]:
    """All objects of CoreDNS; another configuration replaces its pod."""
    configuration = corefile(name_servers)
    checksum = hashlib.sha256(configuration.encode()).hexdigest()
    values = {"corefile": configuration, "checksum": checksum, "image": image, "address": str(DNS_SERVICE_ADDRESS)}
    return templates.objects("coredns.yaml", **values)
