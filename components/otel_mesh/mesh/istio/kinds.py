"""Kinds of Istio's objects in use.

https://istio.io/latest/docs/reference/config
"""

from __future__ import annotations

from typing import Final

from otel_mesh.k8s.kinds import Kind
from otel_mesh.mesh.istio import host_types, policy_types, traffic_types

NETWORKING: Final = "networking.istio.io/v1"
SECURITY: Final = "security.istio.io/v1"

VIRTUAL_SERVICE: Final = Kind(NETWORKING, "VirtualService", traffic_types.VirtualServiceSpec)
DESTINATION_RULE: Final = Kind(NETWORKING, "DestinationRule", traffic_types.DestinationRuleSpec)
GATEWAY: Final = Kind(NETWORKING, "Gateway", host_types.GatewaySpec)
SERVICE_ENTRY: Final = Kind(NETWORKING, "ServiceEntry", host_types.ServiceEntrySpec)
SIDECAR: Final = Kind(NETWORKING, "Sidecar", host_types.SidecarSpec)
ENVOY_FILTER: Final = Kind("networking.istio.io/v1alpha3", "EnvoyFilter", policy_types.EnvoyFilterSpec)
AUTHORIZATION_POLICY: Final = Kind(SECURITY, "AuthorizationPolicy", policy_types.AuthorizationPolicySpec)
PEER_AUTHENTICATION: Final = Kind(SECURITY, "PeerAuthentication", policy_types.PeerAuthenticationSpec)
REQUEST_AUTHENTICATION: Final = Kind(SECURITY, "RequestAuthentication", policy_types.RequestAuthenticationSpec)
TELEMETRY: Final = Kind("telemetry.istio.io/v1", "Telemetry", policy_types.TelemetrySpec)
