"""Policies as Istio's objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from otel_mesh.core.network import CLUSTER_DOMAIN
from otel_mesh.mesh.istio.access import access_policies
from otel_mesh.mesh.istio.authorization import mesh_metadata
from otel_mesh.mesh.istio.egress import egress_manifests
from otel_mesh.mesh.istio.policy import telemetry_senders, untraced_namespace
from otel_mesh.mesh.istio.routes import delegate_name, delegated_virtual_service
from otel_mesh.mesh.istio.telemetry_egress import service_entries
from otel_mesh.mesh.istio.traffic import traffic_manifests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_mesh.core.errors import Problem
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.binding import MeshBinding
    from otel_mesh.mesh.policies.access import Access
    from otel_mesh.mesh.policies.egress import Egress, EgressHost
    from otel_mesh.mesh.policies.team_routes import ServedRoute
    from otel_mesh.mesh.policies.traffic import Target, TrafficPolicy


class IstioRenderer:
    """The `MeshRenderer` of Istio."""

    def access(
        self, accesses: Iterable[Access], binding: MeshBinding, namespace: pulumi.Input[str], *, refuses_rest: bool
    ) -> list[Manifest]:
        """AuthorizationPolicies."""
        return access_policies(accesses, binding, namespace, refuses_rest=refuses_rest)

    def egress(
        self, egress: Iterable[Egress], binding: MeshBinding, namespace: pulumi.Input[str], *, prefix: str
    ) -> list[Manifest]:
        """Sidecars, ServiceEntries and DestinationRules."""
        del binding  # the same in every trust domain
        return egress_manifests(egress, namespace, prefix)

    def egress_notes(self, egress: Iterable[Egress]) -> list[str]:
        """None: a Sidecar is about one workload."""
        del egress
        return []

    def service_annotations(self, policy: TrafficPolicy) -> dict[str, str]:
        """None: policies are objects of their own."""
        del policy
        return {}

    def traffic(self, policy: TrafficPolicy, target: Target) -> list[Manifest]:
        """One VirtualService and one DestinationRule per host, and an EnvoyFilter for a rate limit."""
        return traffic_manifests(policy, target)

    def traffic_problems(self, policy: TrafficPolicy, target: Target) -> list[Problem]:
        """None: Istio can do all of a policy."""
        del policy, target
        return []

    def telemetry_access(  # noqa: PLR0913 - who, whom and from where
        self,
        name: str,
        namespace: pulumi.Input[str],
        selected: Mapping[str, str],
        *,
        senders: Iterable[str],
        ports: Iterable[int],
        networks: Iterable[str] = (),
    ) -> list[Manifest]:
        """An AuthorizationPolicy, and a Telemetry object that turns off tracing in the namespace."""
        del networks  # Istio's proxies prove their identity with every connection
        allowed = telemetry_senders(f"{name}-senders", namespace, selected, senders=senders, ports=ports)
        return [allowed, untraced_namespace("untraced", namespace)]

    def telemetry_senders(
        self,
        name: str,
        namespace: pulumi.Input[str],
        selected: Mapping[str, str],
        *,
        senders: Iterable[str],
        ports: Iterable[int],
    ) -> list[Manifest]:
        """An AuthorizationPolicy: the mesh accepts what any of them allows."""
        return [telemetry_senders(name, namespace, selected, senders=senders, ports=ports)]

    def telemetry_egress(
        self, namespace: pulumi.Input[str], hosts: Iterable[EgressHost], *, prefix: str
    ) -> list[Manifest]:
        """ServiceEntries."""
        return service_entries(namespace, hosts, prefix)

    def gateway_route(self, route: ServedRoute, binding: MeshBinding, namespace: pulumi.Input[str]) -> list[Manifest]:
        """The VirtualService that the platform's delegates to."""
        del binding  # the platform's own objects fix the place
        host = pulumi.Output.concat(route.service, ".", namespace, ".svc.", CLUSTER_DOMAIN)
        return [
            delegated_virtual_service(
                mesh_metadata(delegate_name(route.service), namespace),
                host=host,
                port=route.port,
                strip_prefix=route.strip_prefix,
                retries=route.retries,
            )
        ]
