"""Kinds of Linkerd's policies in use (https://linkerd.io/2/reference/authorization-policy)."""

from __future__ import annotations

from typing import Final

from otel_mesh.k8s.kinds import Kind
from otel_mesh.mesh.linkerd import policy_types

POLICY: Final = "policy.linkerd.io"
"""API group of Linkerd's policies."""

SERVER: Final = Kind(f"{POLICY}/v1beta3", "Server", policy_types.ServerSpec)
AUTHORIZATION_POLICY: Final = Kind(f"{POLICY}/v1alpha1", "AuthorizationPolicy", policy_types.AuthorizationPolicySpec)
MESH_TLS_AUTHENTICATION: Final = Kind(
    f"{POLICY}/v1alpha1", "MeshTLSAuthentication", policy_types.MeshTlsAuthenticationSpec
)
NETWORK_AUTHENTICATION: Final = Kind(
    f"{POLICY}/v1alpha1", "NetworkAuthentication", policy_types.NetworkAuthenticationSpec
)
EGRESS_NETWORK: Final = Kind(f"{POLICY}/v1alpha1", "EgressNetwork", policy_types.EgressNetworkSpec)
RATE_LIMIT: Final = Kind(f"{POLICY}/v1alpha1", "HTTPLocalRateLimitPolicy", policy_types.HttpLocalRateLimitPolicySpec)
