"""Policies of the whole mesh: strict mTLS, tracing, and who may send telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh.mesh.istio.authorization import allow, authorization_policy, mesh_metadata, rule
from otel_mesh.mesh.istio.kinds import ENVOY_FILTER, PEER_AUTHENTICATION, TELEMETRY
from otel_mesh.mesh.istio.settings import TRACING_PROVIDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pulumi

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.istio.policy_types import ConfigPatch, CustomTag, Operation, TelemetrySpec, TracingRule
    from otel_mesh.mesh.istio.settings import IstioSettings
    from otel_mesh.mesh.tracing import Tracing


def peer_authentication(settings: IstioSettings) -> Manifest:
    """Strict mTLS for all workloads: a policy in istiod's namespace applies to the whole mesh."""
    return PEER_AUTHENTICATION.manifest(mesh_metadata("default", settings.namespace), {"mtls": {"mode": "STRICT"}})


def mesh_telemetry(settings: IstioSettings, tracing: Tracing) -> Manifest:
    """Tracing by all proxies; `ingress_telemetry` sets the share of the requests from outside."""
    spec: TelemetrySpec = {"tracing": [_tracing(tracing, tracing.internal_percentage)]}
    return TELEMETRY.manifest(mesh_metadata("mesh-default", settings.namespace), spec)


def ingress_telemetry(
    name: str, namespace: pulumi.Input[str], selected: Mapping[str, str], tracing: Tracing
) -> Manifest:
    """Tracing by a gateway, whose decision applies to the whole request: nobody traces an unsampled request.

    Args:
        name: Name of the object.
        namespace: Namespace of the gateway.
        selected: Labels of the gateway's pods.
        tracing: Sampling and attributes of the spans.
    """
    spec: TelemetrySpec = {
        "selector": {"matchLabels": dict(selected)},
        "tracing": [_tracing(tracing, tracing.ingress_percentage)],
    }
    return TELEMETRY.manifest(mesh_metadata(name, namespace), spec)


def untraced_namespace(name: str, namespace: pulumi.Input[str]) -> Manifest:
    """Turns off tracing by the proxies of a namespace: a Collector's would only trace telemetry.

    Args:
        name: Name of the object.
        namespace: Namespace of the proxies.
    """
    return TELEMETRY.manifest(mesh_metadata(name, namespace), {"tracing": [{"disableSpanReporting": True}]})


def untraced_exports(settings: IstioSettings, tracing: Tracing) -> Manifest:
    """Turns off tracing of the calls that send telemetry: each trace would cause the next.

    Only an EnvoyFilter can distinguish destinations. Declaring the ports as plain TCP would also prevent the traces,
    but the mesh would no longer balance the calls over the Collector's pods.
    """
    none = {"numerator": 0}
    sampling = {"client_sampling": none, "random_sampling": none, "overall_sampling": none}
    patches: list[ConfigPatch] = [
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
    meta = mesh_metadata("untraced-telemetry-exports", settings.namespace)
    return ENVOY_FILTER.manifest(meta, {"configPatches": patches})


def telemetry_senders(
    name: str,
    namespace: pulumi.Input[str],
    selected: Mapping[str, str],
    *,
    senders: Iterable[str],
    ports: Iterable[int],
) -> Manifest:
    """Allows only known identities to send telemetry to a Collector.

    Args:
        name: Name of the object.
        namespace: Namespace of the Collector.
        selected: Labels of the Collector's pods.
        senders: SPIFFE identities (``spiffe://...``) of the senders.
        ports: Ports that receive telemetry; the mesh refuses calls to all others. The kubelet's probes are not
            affected: the sidecar's agent forwards them.
    """
    operation: Operation = {"ports": [str(port) for port in ports]}
    return authorization_policy(name, namespace, allow(selected, [rule(senders, [operation])]))


def _tracing(tracing: Tracing, percentage: float) -> TracingRule:
    made: TracingRule = {"providers": [{"name": TRACING_PROVIDER}], "randomSamplingPercentage": percentage}
    tags: dict[str, CustomTag] = {key: {"literal": {"value": value}} for key, value in tracing.tags.items()}
    for key, header in tracing.header_tags.items():
        tags[key] = {"header": {"name": header}}
    if tags:
        made["customTags"] = tags
    return made
