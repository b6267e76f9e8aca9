"""Removal of headers that clients must not set, where their requests enter the mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh.mesh.istio.authorization import mesh_metadata
from otel_mesh.mesh.istio.kinds import ENVOY_FILTER
from otel_mesh.mesh.policies.edge_headers import CONTEXT_HEADERS, STRIPPED_HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.istio.policy_types import EnvoyFilterSpec


def strip_untrusted_headers(
    name: str, namespace: pulumi.Input[str], selected: Mapping[str, str], *, restart: bool = True
) -> Manifest:
    """Removes `STRIPPED_HEADERS`, and with ``restart`` `CONTEXT_HEADERS`, before the gateway evaluates a request.

    Only an EnvoyFilter can: a VirtualService removes headers after Envoy has applied them (timeouts, retries, forced
    tracing), and Envoy's own sanitizing excepts clients with private addresses.

    Args:
        name: Name of the object.
        namespace: Namespace of the gateway.
        selected: Labels of the gateway's pods.
        restart: Whether traces of clients are not continued.
    """
    removed = (*STRIPPED_HEADERS, *CONTEXT_HEADERS) if restart else STRIPPED_HEADERS
    manager = "envoy.filters.network.http_connection_manager"
    spec: EnvoyFilterSpec = {
        "workloadSelector": {"labels": dict(selected)},
        "configPatches": [
            {
                "applyTo": "NETWORK_FILTER",
                "match": {"context": "GATEWAY", "listener": {"filterChain": {"filter": {"name": manager}}}},
                "patch": {"operation": "MERGE", "value": {"typed_config": _early_mutation(removed)}},
            }
        ],
    }
    return ENVOY_FILTER.manifest(mesh_metadata(name, namespace), spec)


def _early_mutation(removed: Sequence[str]) -> dict[str, object]:
    kind = "type.googleapis.com/envoy.extensions"
    return {
        "@type": f"{kind}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "early_header_mutation_extensions": [
            {
                "name": "envoy.http.early_header_mutation.header_mutation",
                "typed_config": {
                    "@type": f"{kind}.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                    "mutations": [{"remove": header} for header in removed],
                },
            }
        ],
    }
