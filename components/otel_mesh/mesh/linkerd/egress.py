"""Egress policies as Linkerd's EgressNetworks with HTTPRoutes and GRPCRoutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.mesh.gateway_api.kinds import GRPC_ROUTE, HTTP_ROUTE
from otel_mesh.mesh.linkerd.kinds import EGRESS_NETWORK
from otel_mesh.mesh.linkerd.objects import ANY_PATH, mesh_metadata, policy_ref
from otel_mesh.mesh.policies.egress import EXTERNAL, by_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pulumi

    from otel_mesh.catalog.external import ExternalCall
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.gateway_api.route_types import HttpRule, ParentReference
    from otel_mesh.mesh.linkerd.policy_types import EgressNetworkSpec, Network
    from otel_mesh.mesh.policies.egress import Egress, HostPorts

EVERY_HOST: Final = "declared-egress"
"""Name of the EgressNetwork that refuses all hosts without a route."""


def egress_manifests(egress: Iterable[Egress], namespace: pulumi.Input[str], prefix: str = EXTERNAL) -> list[Manifest]:
    """Objects that restrict what the proxies of a namespace connect to outside the cluster.

    Connections inside the cluster are decided where they arrive. An EgressNetwork is about all workloads of its
    namespace: a host that one of them calls is open to the others, unless NetworkPolicies tell their pods apart.

    Args:
        egress: Egress of the workloads.
        namespace: Namespace of the workloads.
        prefix: Beginning of the names of the objects about hosts.

    Raises:
        InvalidSettingsError: Linkerd cannot do what a call needs.
    """
    hosts = by_host(call for one in egress for call in one.external)
    problems = [problem for one in hosts for call in one.ports for problem in _problems(call)]
    if problems:
        raise InvalidSettingsError(problems)
    refused = EGRESS_NETWORK.manifest(mesh_metadata(EVERY_HOST, namespace), {"trafficPolicy": "Deny"})
    return [refused, *(made for one in hosts for made in _external(f"{prefix}-{one.name}", one, namespace))]


def shared_hosts(egress: Iterable[Egress]) -> list[str]:
    """Hosts that some workloads call and all workloads of the namespace may reach.

    Args:
        egress: Egress of the workloads.
    """
    return sorted({call.key for one in egress if one.workload for call in one.external})


def _problems(call: ExternalCall) -> Iterator[Problem]:
    if call.tls_port is not None:
        reason = f"{call.key}: Linkerd's proxies add no TLS to plain calls out of the mesh"
        yield Problem("external_calls", reason, "have the service speak https itself, and remove tls_port")
    elif call.protocol in ("https", "tls") and not call.addresses:
        reason = (
            f"{call.key}: Linkerd reads TLSRoutes as v1alpha2, which the Gateway API's standard channel does not serve"
        )
        yield Problem("external_calls", reason, "list the host's addresses, which an EgressNetwork can be about")


def _external(name: str, outside: HostPorts[ExternalCall], namespace: pulumi.Input[str]) -> Iterator[Manifest]:
    host, calls = outside.host, outside.ports
    unread = [cidr for call in calls if call.protocol in ("https", "tls", "tcp") for cidr in call.addresses]
    if unread:
        # of several networks, the smallest that holds an address decides
        networks: list[Network] = [{"cidr": cidr} for cidr in dict.fromkeys(unread)]
        spec: EgressNetworkSpec = {"networks": networks, "trafficPolicy": "Allow"}
        yield EGRESS_NETWORK.manifest(mesh_metadata(name, namespace), spec)
    for call in calls:
        parent: ParentReference = {**policy_ref("EgressNetwork", EVERY_HOST), "port": call.port}
        meta = mesh_metadata(f"{name}-{call.port}", namespace)
        if call.protocol == "http":
            any_request: HttpRule = {"matches": [{"path": ANY_PATH}]}
            yield HTTP_ROUTE.manifest(meta, {"parentRefs": [parent], "rules": [any_request], "hostnames": [host]})
        elif call.protocol == "grpc":
            yield GRPC_ROUTE.manifest(meta, {"parentRefs": [parent], "rules": [{}], "hostnames": [host]})
