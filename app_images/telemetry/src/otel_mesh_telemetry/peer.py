"""The caller's identity, authenticated by the mesh.

Any caller can send identity headers. They are trustworthy only if the sidecar sets or strips them, which
OTEL_MESH_PEER_IDENTITY declares; by default they are not read.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from otel_mesh_telemetry import xfcc
from otel_mesh_telemetry.features import ReadOnly

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

XFCC = "x-forwarded-client-cert"
L5D_CLIENT_ID = "l5d-client-id"
_MAX_LENGTH = 512
_LINKERD_PARTS = 4  # <account>.<namespace>.serviceaccount.identity.<...>
_SPIFFE_PARTS = 7  # spiffe: "" <trust domain> ns <namespace> sa <account>


class Trust(StrEnum):
    """The trusted header and, for XFCC, the trusted element."""

    NONE = "none"
    XFCC_LAST = "xfcc-last"
    """Last element, the direct peer: sidecars append (APPEND_FORWARD), gateways replace (SANITIZE_SET)."""
    XFCC_FIRST = "xfcc-first"
    """First element, the first client with a certificate; requires that all proxies on the path are trusted."""
    L5D_CLIENT_ID = "l5d-client-id"
    """Header that Linkerd's inbound proxy sets from mTLS; it strips values sent by clients."""


class PeerIdentity(ReadOnly):
    """Server feature: ``mesh.peer.*`` and ``tls.client.subject`` of the caller; the raw header is never recorded.

    Args:
        trust: Trusted header.
    """

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        header = {Trust.NONE: None, Trust.L5D_CLIENT_ID: L5D_CLIENT_ID}.get(trust, XFCC)
        self.headers: frozenset[str] = frozenset({header} if header else ())

    def describe(
        self, carrier: Mapping[str, str], context: Context, attributes: MutableMapping[str, AttributeValue]
    ) -> None:
        """Add the caller's authenticated identity."""
        del context
        if self._trust is Trust.L5D_CLIENT_ID:
            attributes.update(linkerd_identity(carrier[L5D_CLIENT_ID]))
        elif elements := xfcc.parse(carrier[XFCC]):
            element = elements[0 if self._trust is Trust.XFCC_FIRST else -1]
            if element.subject:
                attributes["tls.client.subject"] = element.subject[:_MAX_LENGTH]
            attributes.update(spiffe_identity(element.uris))


def spiffe_identity(uris: tuple[str, ...]) -> dict[str, str]:
    """Attributes of a SPIFFE ID; empty unless there is exactly one, as SPIFFE requires of a certificate."""
    ids = [uri for uri in uris if uri.startswith("spiffe://")]
    if len(ids) != 1 or len(ids[0]) > _MAX_LENGTH:
        return {}
    parts = ids[0].split("/")
    if not parts[2]:
        return {}
    attributes = {"mesh.peer.spiffe_id": ids[0], "mesh.peer.trust_domain": parts[2]}
    if len(parts) == _SPIFFE_PARTS and (parts[3], parts[5]) == ("ns", "sa"):
        attributes["mesh.peer.namespace"] = parts[4]
        attributes["mesh.peer.service_account"] = parts[6]
    return attributes


def linkerd_identity(name: str) -> dict[str, str]:
    """Attributes of a Linkerd identity, ``<account>.<namespace>.serviceaccount.identity.<control plane>.<domain>``."""
    parts = name.split(".", _LINKERD_PARTS)
    if len(name) > _MAX_LENGTH or len(parts) <= _LINKERD_PARTS or parts[2:4] != ["serviceaccount", "identity"]:
        return {}
    return {"mesh.peer.id": name, "mesh.peer.namespace": parts[1], "mesh.peer.service_account": parts[0]}
