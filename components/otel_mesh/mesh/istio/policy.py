"""What holds for a whole mesh: strict mTLS, who begins traces, who may send telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_mesh.core.labels import Role, recommended
from otel_mesh.k8s.manifests import Manifest, metadata
from otel_mesh.mesh.istio.settings import TRACING_PROVIDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pulumi

    from otel_mesh.mesh.istio.settings import IstioSettings, Tracing


def peer_authentication(settings: IstioSettings) -> Manifest:
    """Nobody in the mesh takes plaintext: in istiod's namespace it holds for all."""
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": _meta("default", settings.namespace),
        "spec": {"mtls": {"mode": "STRICT"}},
    }


def mesh_telemetry(settings: IstioSettings, tracing: Tracing) -> Manifest:
    """Spans of all proxies; `ingress_telemetry` decides which requests from outside are traced."""
    return {
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": _meta("mesh-default", settings.namespace),
        "spec": {"tracing": [_tracing(tracing, tracing.internal_percentage)]},
    }


def ingress_telemetry(
    name: str, namespace: pulumi.Input[str], selected: Mapping[str, str], tracing: Tracing
) -> Manifest:
    """Spans of a gateway: it decides for everything behind it, because nobody traces what comes unsampled."""
    return {
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": _meta(name, namespace),
        "spec": {
            "selector": {"matchLabels": dict(selected)},
            "tracing": [_tracing(tracing, tracing.ingress_percentage)],
        },
    }


def untraced_namespace(name: str, namespace: pulumi.Input[str]) -> Manifest:
    """Keeps the proxies of a namespace from making spans: a Collector's would tell of telemetry only."""
    return {
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": _meta(name, namespace),
        "spec": {"tracing": [{"disableSpanReporting": True}]},
    }


def untraced_exports(settings: IstioSettings, tracing: Tracing) -> Manifest:
    """Keeps all sidecars from beginning a trace when their service sends telemetry: it would never end.

    No other object of Istio tells one destination from another when it comes to tracing. To call the ports plain TCP
    would do as well, but then calls were no longer balanced over the Collector's pods.
    """
    none = {"numerator": 0}
    sampling = {"client_sampling": none, "random_sampling": none, "overall_sampling": none}
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": _meta("untraced-telemetry-exports", settings.namespace),
        "spec": {
            "configPatches": [
                {
                    "applyTo": "HTTP_ROUTE",
                    "match": {
                        "context": "SIDECAR_OUTBOUND",
                        "routeConfiguration": {"vhost": {"name": f"{tracing.service}:{port}"}},
                    },
                    "patch": {"operation": "MERGE", "value": {"tracing": sampling}},
                }
                for port in (tracing.port, tracing.http_port)
            ]
        },
    }


def telemetry_senders(
    name: str,
    namespace: pulumi.Input[str],
    selected: Mapping[str, str],
    *,
    senders: Iterable[str],
    ports: Iterable[int],
) -> Manifest:
    """Lets a Collector take telemetry from known identities only.

    Args:
        name: of the object.
        namespace: of the Collector.
        selected: labels of its pods.
        senders: SPIFFE identities (``spiffe://...``) that may send.
        ports: on which it takes telemetry; other ports take nothing through the mesh. The kubelet's probes don't
            pass here: the sidecar's agent asks the Collector for them.
    """
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": _meta(name, namespace),
        "spec": {
            "selector": {"matchLabels": dict(selected)},
            "action": "ALLOW",
            "rules": [
                {
                    "from": [{"source": {"principals": [one.removeprefix("spiffe://") for one in senders]}}],
                    "to": [{"operation": {"ports": [str(port) for port in ports]}}],
                }
            ],
        },
    }


def _tracing(tracing: Tracing, percentage: float) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "providers": [{"name": TRACING_PROVIDER}],
        "randomSamplingPercentage": percentage,
    }
    tags: dict[str, Any] = {key: {"literal": {"value": value}} for key, value in tracing.tags.items()}
    tags |= {key: {"header": {"name": header}} for key, header in tracing.header_tags.items()}
    if tags:
        spec["customTags"] = tags
    return spec


def _meta(name: str, namespace: pulumi.Input[str]) -> dict[str, Any]:
    return metadata(name, recommended("istio", name, Role.MESH), namespace=namespace)
