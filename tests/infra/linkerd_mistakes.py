"""Problems of a stack with Linkerd, with the messages of the program."""

from __future__ import annotations

from typing import Final

from otel_mesh.mesh.linkerd.authority import generate
from tests.infra.mistake import Mistake

_MADE = generate("cluster.local", "linkerd", 365)
LINKERD: Final = (
    Mistake(
        "an edge release of Linkerd that loses spans",
        {"mesh__kind": "linkerd", "mesh__linkerd__version": "edge-26.6.3"},
        (
            (
                "mesh.linkerd.version: edge-26.6.3 is older than edge-26.7.1, whose proxies lose spans "
                "(linkerd/linkerd2#15404); use edge-26.7.1 or later"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a Collector outside of Linkerd",
        {"mesh__kind": "linkerd", "collector__meshed": False},
        (
            (
                "collector.meshed: the proxies send their spans by mTLS to a Collector in the mesh only; "
                "set it to true, or mesh.linkerd.proxy.tracing to false"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "Linkerd's own certificates without a trust anchor",
        {"mesh__kind": "linkerd", "mesh__linkerd__identity__source": "given"},
        (
            (
                "mesh.linkerd_trust_anchors: is missing with identity.source 'given'; "
                "set both, or neither: linkerd.identity.source: given (or cert-manager)"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "an issuer of Linkerd that nobody uses",
        {"mesh__kind": "linkerd", "mesh__linkerd_issuer": "issuer"},
        (
            (
                "mesh.linkerd_issuer: has no effect with linkerd.identity.source 'generated'; "
                "set the source to given, or remove it"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a trust anchor of Linkerd that is no certificate",
        {
            "mesh__kind": "linkerd",
            "mesh__linkerd__identity__source": "given",
            "mesh__linkerd_trust_anchors": "canary",
        },
        (("mesh.linkerd_trust_anchors: is not a certificate in PEM; write '-----BEGIN CERTIFICATE-----'..."),),
        in_editor=False,
    ),
    Mistake(
        "a trust anchor of Linkerd with a private key",
        {
            "mesh__kind": "linkerd",
            "mesh__linkerd__identity__source": "given",
            "mesh__linkerd_trust_anchors": _MADE.anchor + _MADE.issuer.key,
        },
        ("mesh.linkerd_trust_anchors: contains a private key; give certificates only",),
        in_editor=False,
    ),
    Mistake(
        "a traffic policy that Linkerd cannot express",
        {
            "mesh__kind": "linkerd",
            "services__order-service__traffic": {
                "fault": {"delay": {"duration": "5s"}},
                "resilience": {"connections": {}},
            },
        },
        (
            (
                "services.order-service.traffic.fault.delay: Linkerd cannot delay requests and then send them on; "
                "set fault.abort too: an error backend then answers late"
            ),
            (
                "services.order-service.traffic.resilience.connections: "
                "Linkerd has no limits of connections and pending requests; "
                "remove it; rate_limit at the service and resilience.timeout are the nearest"
            ),
        ),
        in_editor=False,
    ),
)
