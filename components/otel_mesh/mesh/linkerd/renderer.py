"""Policies as Linkerd's objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.labels import Label
from otel_mesh.core.network import OTLP_GRPC_PORT
from otel_mesh.mesh.gateway_api.routes import service_route
from otel_mesh.mesh.linkerd.access import (
    access_policies,
    authorization,
    identities,
    proxy_metrics,
    server,
    unidentified_spans,
)
from otel_mesh.mesh.linkerd.egress import egress_manifests, shared_hosts
from otel_mesh.mesh.linkerd.objects import policy_ref
from otel_mesh.mesh.linkerd.traffic import service_annotations, traffic_manifests
from otel_mesh.mesh.linkerd.traffic_limits import traffic_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pulumi

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.binding import MeshBinding
    from otel_mesh.mesh.policies.access import Access
    from otel_mesh.mesh.policies.egress import Egress, EgressHost
    from otel_mesh.mesh.policies.team_routes import ServedRoute
    from otel_mesh.mesh.policies.traffic import Target, TrafficPolicy


class LinkerdRenderer:
    """The `MeshRenderer` of Linkerd."""

    def access(
        self, accesses: Iterable[Access], binding: MeshBinding, namespace: pulumi.Input[str], *, refuses_rest: bool
    ) -> list[Manifest]:
        """Servers, AuthorizationPolicies and MeshTLSAuthentications."""
        # the namespace's annotation refuses the rest, with it the scrapes of the proxies
        own = proxy_metrics(namespace) if refuses_rest else []
        return [*access_policies(accesses, binding, namespace), *own]

    def egress(
        self, egress: Iterable[Egress], binding: MeshBinding, namespace: pulumi.Input[str], *, prefix: str
    ) -> list[Manifest]:
        """EgressNetworks with HTTPRoutes and GRPCRoutes."""
        del binding  # the same in every trust domain
        return egress_manifests(egress, namespace, prefix)

    def egress_notes(self, egress: Iterable[Egress]) -> list[str]:
        """Hosts that an EgressNetwork opens to more workloads than call them."""
        hosts = ", ".join(shared_hosts(egress))
        reason = "Linkerd opens them to all workloads of the namespace; NetworkPolicies restrict them by pod"
        return [f"external calls to {hosts}: {reason}"] if hosts else []

    def traffic(self, policy: TrafficPolicy, target: Target) -> list[Manifest]:
        """HTTPRoutes or GRPCRoutes, a Service per version, and an HTTPLocalRateLimitPolicy."""
        return traffic_manifests(policy, target)

    def service_annotations(self, policy: TrafficPolicy) -> dict[str, str]:
        """Failure accrual, which Linkerd reads at the Service only."""
        return service_annotations(policy)

    def traffic_problems(self, policy: TrafficPolicy, target: Target) -> list[Problem]:
        """Connection limits, delays without an error, and other things that Linkerd lacks."""
        return traffic_problems(policy, target)

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
        """A Server per port and its senders. Linkerd's proxies begin no traces, so exports stay untraced."""
        listed = tuple(ports)
        servers = [server(_server_name(name, port), namespace, selected, port) for port in listed]
        own = proxy_metrics(namespace)
        if cidrs := tuple(networks):
            own += unidentified_spans(_server_name(name, OTLP_GRPC_PORT), namespace, cidrs)
        return [*servers, *_senders(f"{name}-senders", name, namespace, senders, listed), *own]

    def telemetry_senders(
        self,
        name: str,
        namespace: pulumi.Input[str],
        selected: Mapping[str, str],
        *,
        senders: Iterable[str],
        ports: Iterable[int],
    ) -> list[Manifest]:
        """Further AuthorizationPolicies of the Collector's Servers: what any of them allows is allowed."""
        return _senders(name, selected[Label.INSTANCE.value], namespace, senders, tuple(ports))

    def telemetry_egress(
        self, namespace: pulumi.Input[str], hosts: Iterable[EgressHost], *, prefix: str
    ) -> list[Manifest]:
        """None: a namespace without an EgressNetwork of its own may connect to all hosts."""
        del namespace, hosts, prefix
        return []

    def gateway_route(self, route: ServedRoute, binding: MeshBinding, namespace: pulumi.Input[str]) -> list[Manifest]:
        """An HTTPRoute that is attached to the platform's Gateway object.

        Raises:
            InvalidSettingsError: The platform has no such gateway.
        """
        parent = None if binding.gateway is None else binding.gateway.route_parent
        if parent is None:
            reason = f"the platform has no gateway that could serve '{route.service}'"
            remedy = (
                "have the platform's owner set mesh.gateway_api, or route to its Service from a gateway of your own"
            )
            raise InvalidSettingsError([Problem("", reason, remedy)])
        return service_route(
            route.service,
            namespace,
            parent,
            port=route.port,
            prefix=route.path_prefix,
            hosts=parent.hosts if route.host is None else (route.host,),
            retries=route.retries,
            strip_prefix=route.strip_prefix,
        )


def _server_name(collector: str, port: int) -> str:
    return f"{collector}-{port}"


def _senders(
    name: str, collector: str, namespace: pulumi.Input[str], senders: Iterable[str], ports: tuple[int, ...]
) -> list[Manifest]:
    known = policy_ref("MeshTLSAuthentication", name)
    return [
        identities(name, namespace, senders),
        *(
            authorization(f"{name}-{port}", namespace, policy_ref("Server", _server_name(collector, port)), known)
            for port in ports
        ),
    ]
