"""What the tests of Linkerd share: bindings, traces, and the policies of the Istio tests as far as Linkerd can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh import CollectorIdentity, LinkerdSettings, Tracing
from otel_mesh.mesh.linkerd.binding import linkerd_binding
from tests.components.mesh.traffic_policies import GRPC, TARGET, example

if TYPE_CHECKING:
    from otel_mesh import Target

COLLECTOR: Final = CollectorIdentity(namespace="observability", service_account="otel-collector")
TRACING: Final = Tracing(service="otel-collector.observability.svc.cluster.local", tags={"team": "shop"})
BINDING: Final = linkerd_binding(LinkerdSettings(trust_domain="mesh.example"), collector=COLLECTOR)
NEAREST: Final = example("linkerd")
"""The tutorial's figures without what Linkerd lacks."""
TRAFFIC: Final[dict[str, tuple[Target, dict[str, Any]]]] = {
    "tutorial": (TARGET, NEAREST),
    "canary-weight": (GRPC, {"canary": {"version": "v2", "weight": 5, "header": None}}),
    "ab-test": (
        TARGET,
        {"ab_test": {"groups": {"control": {"version": "v1", "weight": 50}, "new": {"version": "v2", "weight": 50}}}},
    ),
    "fault-for-testers": (
        TARGET,
        {"fault": {"abort": {"status": 500}, "header": {"name": "x-tester"}, "expires": "2027-01-31"}},
    ),
    "rate-limit": (TARGET, {"rate_limit": {"requests": 100, "interval": "1s"}}),
    "grpc-timeout": (GRPC, {"resilience": {"timeout": "2s", "retries": {"attempts": 0}}}),
}
"""Policies by the name of their golden file; most have one of Istio beside it."""
