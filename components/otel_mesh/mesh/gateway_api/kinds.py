"""Kinds of the Gateway API and of Envoy Gateway in use.

https://gateway-api.sigs.k8s.io/reference/spec, https://gateway.envoyproxy.io/docs/api/extension_types
"""

from __future__ import annotations

from typing import Final

from otel_mesh.k8s.kinds import Kind
from otel_mesh.mesh.gateway_api import envoy_types, gateway_types, route_types

GATEWAY_API: Final = "gateway.networking.k8s.io"
"""API group of the Gateway API."""
ENVOY_GATEWAY: Final = "gateway.envoyproxy.io"
"""API group of Envoy Gateway."""

GATEWAY_CLASS: Final = Kind(f"{GATEWAY_API}/v1", "GatewayClass", gateway_types.GatewayClassSpec)
GATEWAY: Final = Kind(f"{GATEWAY_API}/v1", "Gateway", gateway_types.GatewaySpec)
HTTP_ROUTE: Final = Kind(f"{GATEWAY_API}/v1", "HTTPRoute", route_types.HttpRouteSpec)
EDGE_ROUTE: Final = Kind(f"{GATEWAY_API}/v1", "HTTPRoute", gateway_types.EdgeRouteSpec)
"""An HTTPRoute at a Gateway; `HTTP_ROUTE` is one inside a mesh."""
GRPC_ROUTE: Final = Kind(f"{GATEWAY_API}/v1", "GRPCRoute", route_types.GrpcRouteSpec)
ENVOY_PROXY: Final = Kind(f"{ENVOY_GATEWAY}/v1alpha1", "EnvoyProxy", envoy_types.EnvoyProxySpec)
CLIENT_TRAFFIC: Final = Kind(f"{ENVOY_GATEWAY}/v1alpha1", "ClientTrafficPolicy", envoy_types.ClientTrafficSpec)
BACKEND_TRAFFIC: Final = Kind(f"{ENVOY_GATEWAY}/v1alpha1", "BackendTrafficPolicy", envoy_types.BackendTrafficSpec)
