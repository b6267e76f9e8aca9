"""Egress policies as Linkerd's EgressNetworks with HTTPRoutes and GRPCRoutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.mesh.linkerd.kinds import EGRESS_NETWORK
from otel_mesh.mesh.linkerd.objects import ANY_PATH, grpc_route, http_route, mesh_metadata, policy_ref
from otel_mesh.mesh.policies.egress import EXTERNAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pulumi

    from otel_mesh.catalog.external import ExternalCall
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.gateway_api.route_types import ParentReference
    from otel_mesh.mesh.linkerd.policy_types import EgressNetworkSpec, Network
    from otel_mesh.mesh.policies.egress import Egress

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
    calls: dict[str, dict[int, ExternalCall]] = {}
    for one in egress:
        for call in one.external:
            calls.setdefault(call.host, {})[call.port] = call
    problems = [problem for ports in calls.values() for call in ports.values() for problem in _problems(call)]
    if problems:
        raise InvalidSettingsError(problems)
    refused = EGRESS_NETWORK.manifest(mesh_metadata(EVERY_HOST, namespace), {"trafficPolicy": "Deny"})
    hosts = sorted(calls.items())
    named = [(f"{prefix}-{host.replace('.', '-')}", host, [*ports.values()]) for host, ports in hosts]
    return [refused, *(made for name, host, ports in named for made in _external(name, host, ports, namespace))]


def shared_hosts(egress: Iterable[Egress]) -> list[str]:
    """Hosts that some workloads call and all workloads of the namespace may reach.

    Args:
        egress: Egress of the workloads.
    """
    return sorted({call.host for one in egress if one.workload for call in one.external})


def _problems(call: ExternalCall) -> Iterator[Problem]:
    if call.tls_port is not None:
        reason = f"{call.host}: Linkerd's proxies add no TLS to plain calls out of the mesh"
        yield Problem("external_calls", reason, "have the service speak https itself, and remove tls_port")
    elif call.protocol in ("https", "tls") and not call.addresses:
        reason = (
            f"{call.host}: Linkerd reads TLSRoutes as v1alpha2, which the Gateway API's standard channel does not serve"
        )
        yield Problem("external_calls", reason, "list the host's addresses, which an EgressNetwork can be about")


def _external(name: str, host: str, calls: list[ExternalCall], namespace: pulumi.Input[str]) -> Iterator[Manifest]:
    unread = [cidr for call in calls if call.protocol in ("https", "tls", "tcp") for cidr in call.addresses]
    if unread:
        # of several networks, the smallest that holds an address decides
        networks: list[Network] = [{"cidr": cidr} for cidr in dict.fromkeys(unread)]
        spec: EgressNetworkSpec = {"networks": networks, "trafficPolicy": "Allow"}
        yield EGRESS_NETWORK.manifest(mesh_metadata(name, namespace), spec)
    for call in calls:
        parent: ParentReference = {**policy_ref("EgressNetwork", EVERY_HOST), "port": call.port}
        own = f"{name}-{call.port}"
        if call.protocol == "http":
            yield http_route(own, namespace, parent, [{"matches": [{"path": ANY_PATH}]}], hosts=[host])
        elif call.protocol == "grpc":
            yield grpc_route(own, namespace, parent, [{}], hosts=[host])
