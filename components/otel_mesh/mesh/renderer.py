"""The interface that turns a platform's policies into the objects of one mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pulumi

    from otel_mesh.core.errors import Problem
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.binding import MeshBinding
    from otel_mesh.mesh.policies.access import Access
    from otel_mesh.mesh.policies.egress import Egress, EgressHost
    from otel_mesh.mesh.policies.team_routes import ServedRoute
    from otel_mesh.mesh.policies.traffic import Target, TrafficPolicy


class MeshRenderer(Protocol):
    """Policies as the objects of one kind of mesh; `otel_mesh.mesh.control.renderers` knows the one of a binding."""

    def access(
        self, accesses: Iterable[Access], binding: MeshBinding, namespace: pulumi.Input[str], *, refuses_rest: bool
    ) -> list[Manifest]:
        """Objects that make the declared calls the only calls to the workloads of a namespace.

        Args:
            accesses: Access to each workload.
            binding: Binding of the mesh.
            namespace: Namespace of the workloads.
            refuses_rest: Whether workloads without an access accept no call.
        """
        ...

    def egress(
        self, egress: Iterable[Egress], binding: MeshBinding, namespace: pulumi.Input[str], *, prefix: str
    ) -> list[Manifest]:
        """Objects that make the declared hosts the only ones that the proxies of a namespace connect to.

        Args:
            egress: Hosts of the workloads.
            binding: Binding of the mesh.
            namespace: Namespace of the workloads.
            prefix: Beginning of the names of the objects about hosts.
        """
        ...

    def egress_notes(self, egress: Iterable[Egress]) -> list[str]:
        """Sentences about hosts that the mesh opens to more workloads than declare them.

        Args:
            egress: Hosts of the workloads.
        """
        ...

    def service_annotations(self, policy: TrafficPolicy) -> dict[str, str]:
        """Annotations that a policy needs at the Service itself, which another component creates.

        Args:
            policy: Policy of the service.
        """
        ...

    def traffic(self, policy: TrafficPolicy, target: Target) -> list[Manifest]:
        """Objects of the traffic policy of one service.

        Args:
            policy: Policy of the service; `traffic_problems` finds none in it.
            target: The service.
        """
        ...

    def traffic_problems(self, policy: TrafficPolicy, target: Target) -> list[Problem]:
        """What the mesh cannot do of a traffic policy, with the nearest that it can.

        Args:
            policy: Policy of the service.
            target: The service.
        """
        ...

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
        """Objects that let only known identities send telemetry to a Collector, untraced.

        Args:
            name: Name of the Collector.
            namespace: Namespace of the Collector.
            selected: Labels of the Collector's pods.
            senders: Identities of the senders.
            ports: Ports that receive telemetry.
            networks: Address ranges whose pods may send spans without an identity, see `MeshBinding.span_networks`.
        """
        ...

    def telemetry_senders(
        self,
        name: str,
        namespace: pulumi.Input[str],
        selected: Mapping[str, str],
        *,
        senders: Iterable[str],
        ports: Iterable[int],
    ) -> list[Manifest]:
        """Objects that add senders to a Collector with `telemetry_access`.

        Args:
            name: Name of the objects, unique in the Collector's namespace.
            namespace: Namespace of the Collector.
            selected: Labels of the Collector's pods.
            senders: Identities of the senders.
            ports: Ports that receive telemetry.
        """
        ...

    def telemetry_egress(
        self, namespace: pulumi.Input[str], hosts: Iterable[EgressHost], *, prefix: str
    ) -> list[Manifest]:
        """Objects that let the proxies of Collectors connect to hosts outside the cluster.

        Args:
            namespace: Namespace of the Collectors.
            hosts: Servers outside the cluster.
            prefix: Beginning of the objects' names.
        """
        ...

    def gateway_route(self, route: ServedRoute, binding: MeshBinding, namespace: pulumi.Input[str]) -> list[Manifest]:
        """Objects that serve a place at the platform's gateway.

        Args:
            route: The service and its way of serving the place.
            binding: Binding of the mesh.
            namespace: Namespace of the service.
        """
        ...
