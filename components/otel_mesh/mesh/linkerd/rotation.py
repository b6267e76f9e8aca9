"""Checks of a change of a mesh's trust anchors and issuer against those that running pods have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.hashes import SHA256

from otel_mesh.core.errors import Problem
from otel_mesh.mesh.linkerd.certificates import certificates_in, signed_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography import x509

    from otel_mesh.mesh.linkerd.identity_settings import IdentitySettings

_MARKER: Final = re.compile(r"(?P<generations>\d+(\+\d+)?)/(?P<issuing>\d+)")
_REASON: Final = "pods that have restarted and pods that have not would refuse each other"


@dataclass(frozen=True, kw_only=True)
class DeployedTrust:
    """Certificates of a running mesh.

    Attributes:
        anchors: Trust anchors in PEM.
        issuer: Certificate of the issuer in PEM; None if it may not be read.
        marker: Value of the control plane's annotation `TRUST_MARKER`; empty without one.
    """

    anchors: str
    issuer: str | None = None
    marker: str = ""


def rotation_problems(
    deployed: DeployedTrust, identity: IdentitySettings, anchors: str | None = None, issuer: str | None = None
) -> list[Problem]:
    """Steps of a rotation that are left out: each pod reads the anchors as it starts, and keeps them until it ends.

    A new issuer must be signed by an anchor that all pods have already, and an anchor must stay while pods have
    certificates below it.

    Args:
        deployed: Certificates of the running mesh.
        identity: New settings.
        anchors: New trust anchors in PEM; None for the source ``generated``.
        issuer: New issuer's certificate in PEM; None if it is generated, or kept in a Secret.
    """
    if identity.source != "generated":
        return _given_problems(deployed, anchors or "", issuer)
    known = _MARKER.fullmatch(deployed.marker)
    if known is None:
        reason = f"is 'generated', but the running mesh has certificates of another source: {_REASON}"
        return [Problem("source", reason, "keep the given certificates; for new ones remove the mesh first")]
    before = tuple(int(one) for one in known["generations"].split("+"))
    return _generated_problems(before, int(known["issuing"]), identity.generations, identity.issuing)


def _generated_problems(before: tuple[int, ...], issued: int, after: tuple[int, ...], issuing: int) -> list[Problem]:
    both = sorted({issued, issuing})
    if issued not in after:
        reason = f"drop {issued}, which has issued the certificates of running pods: {_REASON}"
        if issuing in before:
            remedy = f"deploy generations: {both} with issuer_generation: {issuing} first"
        else:
            remedy = f"deploy generations: {both} first, then issuer_generation: {issuing} with both, then this"
        return [Problem("generations", reason, remedy)]
    if issuing not in before:
        reason = f"is {issuing}, which running pods do not trust yet: {_REASON}"
        return [Problem("issuer_generation", reason, f"deploy generations: {both} first, with {issued} as issuer")]
    return []


def _given_problems(deployed: DeployedTrust, anchors: str, issuer: str | None) -> list[Problem]:
    before, after = certificates_in(deployed.anchors), certificates_in(anchors)
    remedy = "give the old and the new anchor together first, then the new issuer, then the new anchor alone"
    if not before or not after:
        return []
    issued = certificates_in(deployed.issuer or "")
    if _shared(before, after):
        if issued and not any(signed_by(issued[-1], one) for one in after):
            reason = f"lack the anchor of the issuer of running pods' certificates: {_REASON}"
            return [Problem("trust_anchors", reason, remedy)]
    else:
        reason = f"replace all anchors of the running mesh: {_REASON}"
        return [Problem("trust_anchors", reason, remedy)]
    new = certificates_in(issuer or "")
    if new and not any(signed_by(new[-1], one) for one in before):
        reason = f"was signed by an anchor that running pods do not trust yet: {_REASON}"
        return [Problem("issuer_certificate", reason, remedy)]
    return []


def _shared(before: Iterable[x509.Certificate], after: Iterable[x509.Certificate]) -> bool:
    old, new = ({one.fingerprint(SHA256()) for one in some} for some in (before, after))
    return bool(old & new)
