"""Access policies as Linkerd's Servers, AuthorizationPolicies and MeshTLSAuthentications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.mesh.gateway_api.kinds import GATEWAY_API, HTTP_ROUTE
from otel_mesh.mesh.linkerd.access_routes import server_routes
from otel_mesh.mesh.linkerd.kinds import (
    AUTHORIZATION_POLICY,
    MESH_TLS_AUTHENTICATION,
    NETWORK_AUTHENTICATION,
    POLICY,
    SERVER,
)
from otel_mesh.mesh.linkerd.objects import ANY_PATH, mesh_metadata, policy_ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pulumi

    from otel_mesh.catalog.routes import Method
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.binding import MeshBinding
    from otel_mesh.mesh.gateway_api.route_types import HttpMatch, HttpRule, ParentReference, Reference
    from otel_mesh.mesh.linkerd.policy_types import AuthorizationPolicySpec, Network, ServerSpec
    from otel_mesh.mesh.policies.access import Access, Grant

_HEALTH_CHECK: Final = "/grpc.health.v1.Health/Check"
_EXPORT: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_ADMIN: Final = "proxy-admin"
_ADMIN_PORT: Final = "linkerd-admin"
"""Port of every proxy that serves its metrics."""
_MATCHES: Final = 64
"""Matches of a rule that the Gateway API allows."""
_ANYWHERE: Final = ("0.0.0.0/0", "::/0")


def access_policies(accesses: Iterable[Access], binding: MeshBinding, namespace: pulumi.Input[str]) -> list[Manifest]:
    """Policies of a namespace: a Server per workload that refuses everybody, and its callers by exact identity.

    Ports without a Server are refused by the namespace's annotation ``config.linkerd.io/default-inbound-policy``. The
    kubelet's probes pass: Linkerd knows their paths from the pod, and a Server with routes of its own has one for them.

    Args:
        accesses: Access to each workload of the namespace.
        binding: Mesh that the identities belong to.
        namespace: Namespace of the workloads.

    Raises:
        InvalidSettingsError: Operations of two callers differ in a way that Linkerd cannot tell.
    """
    return [made for access in accesses for made in _access(access, binding, namespace)]


def proxy_metrics(namespace: pulumi.Input[str]) -> list[Manifest]:
    """Policies that let Prometheus, which has no identity, read the metrics of a namespace's proxies.

    NetworkPolicies say who reaches that port.

    Args:
        namespace: Namespace of the proxies.
    """
    return [
        server(_ADMIN, namespace, {}, _ADMIN_PORT),
        *_from_networks(_ADMIN, namespace, policy_ref("Server", _ADMIN), _ANYWHERE),
    ]


def unidentified_spans(of_server: str, namespace: pulumi.Input[str], cidrs: Iterable[str]) -> list[Manifest]:
    """Policies that let pods without an identity send spans; all else needs what the Server's policies say.

    Args:
        of_server: Name of the Server of the Collector's port.
        namespace: Namespace of the Collector.
        cidrs: Address ranges of the pods.
    """
    name = f"{of_server}-spans"
    parent: ParentReference = {"group": POLICY, "kind": "Server", "name": of_server}
    spans: list[HttpRule] = [{"matches": [{"path": {"type": "Exact", "value": _EXPORT}, "method": "POST"}]}]
    return [
        HTTP_ROUTE.manifest(mesh_metadata(name, namespace), {"parentRefs": [parent], "rules": spans}),
        HTTP_ROUTE.manifest(
            mesh_metadata(f"{of_server}-rest", namespace),
            {"parentRefs": [parent], "rules": [{"matches": [{"path": ANY_PATH}]}]},
        ),
        *_from_networks(name, namespace, policy_ref("HTTPRoute", name, GATEWAY_API), cidrs),
    ]


def server(
    name: str, namespace: pulumi.Input[str], selected: Mapping[str, str], port: int | str, *, http: bool = True
) -> Manifest:
    """A Server, which refuses all connections that no AuthorizationPolicy allows.

    Args:
        name: Name of the object.
        namespace: Namespace of the pods.
        selected: Labels of the pods; every pod of the namespace when empty.
        port: Number or name of the pods' port.
        http: Whether the port speaks HTTP or gRPC; others are not looked into.
    """
    spec: ServerSpec = {
        "accessPolicy": "deny",
        "podSelector": {"matchLabels": dict(selected)} if selected else {},
        "port": port,
        "proxyProtocol": "unknown" if http else "opaque",
    }
    return SERVER.manifest(mesh_metadata(name, namespace), spec)


def identities(name: str, namespace: pulumi.Input[str], known: Iterable[str]) -> Manifest:
    """A MeshTLSAuthentication of exact identities: a prefix or a wildcard would let others in.

    Args:
        name: Name of the object.
        namespace: Namespace of the object.
        known: Identities.
    """
    return MESH_TLS_AUTHENTICATION.manifest(mesh_metadata(name, namespace), {"identities": list(dict.fromkeys(known))})


def authorization(name: str, namespace: pulumi.Input[str], target: Reference, authentication: Reference) -> Manifest:
    """An AuthorizationPolicy.

    Args:
        name: Name of the object.
        namespace: Namespace of the object.
        target: Reference to the Server or route.
        authentication: Reference to the authentication that a client needs.
    """
    spec: AuthorizationPolicySpec = {"targetRef": target, "requiredAuthenticationRefs": [authentication]}
    return AUTHORIZATION_POLICY.manifest(mesh_metadata(name, namespace), spec)


def _access(access: Access, binding: MeshBinding, namespace: pulumi.Input[str]) -> Iterator[Manifest]:
    name = access.workload
    yield server(name, namespace, {access.label.value: name}, access.port, http=access.http)
    whole = [caller for grant in access.grants if not grant.operations for caller in _identities(grant, binding)]
    if whole:
        yield from _allowed(f"{name}-callers", namespace, policy_ref("Server", name), whole)
    if access.networks:
        yield from _from_networks(f"{name}-networks", namespace, policy_ref("Server", name), access.networks)
    parts = [
        (operation, frozenset(_identities(grant, binding))) for grant in access.grants for operation in grant.operations
    ]
    if not parts and not access.grpc:  # Linkerd lets the kubelet's HTTP probes pass by itself, but not those by gRPC
        return
    parent: ParentReference = {"group": POLICY, "kind": "Server", "name": name}
    probed = set() if access.grpc else {("GET", path) for path in access.probe_paths}
    number = 0
    for callers, matches in server_routes(name, parts, probed):
        # callers of the Server may send every request; nobody else may send what only the last route matches
        part = f"{name}-callers-{number}" if callers else f"{name}-rest"
        yield HTTP_ROUTE.manifest(mesh_metadata(part, namespace), {"parentRefs": [parent], "rules": _rules(matches)})
        if callers:
            number += 1
            yield from _allowed(part, namespace, policy_ref("HTTPRoute", part, GATEWAY_API), sorted(callers))
    yield from _probes(access, namespace)


def _allowed(name: str, namespace: pulumi.Input[str], target: Reference, callers: Iterable[str]) -> list[Manifest]:
    return [
        identities(name, namespace, callers),
        authorization(name, namespace, target, policy_ref("MeshTLSAuthentication", name)),
    ]


def _probes(access: Access, namespace: pulumi.Input[str]) -> list[Manifest]:
    """The kubelet's probes, which come without an identity: a Server with routes has no default one for them."""
    method: Method = "POST" if access.grpc else "GET"
    paths = (_HEALTH_CHECK,) if access.grpc else access.probe_paths
    if not paths:
        return []
    name = f"{access.workload}-probes"
    parent: ParentReference = {"group": POLICY, "kind": "Server", "name": access.workload}
    exact: list[HttpMatch] = [{"path": {"type": "Exact", "value": path}, "method": method} for path in paths]
    return [
        HTTP_ROUTE.manifest(mesh_metadata(name, namespace), {"parentRefs": [parent], "rules": [{"matches": exact}]}),
        *_from_networks(name, namespace, policy_ref("HTTPRoute", name, GATEWAY_API), _ANYWHERE),
    ]


def _from_networks(name: str, namespace: pulumi.Input[str], target: Reference, cidrs: Iterable[str]) -> list[Manifest]:
    networks: list[Network] = [{"cidr": cidr} for cidr in cidrs]
    return [
        NETWORK_AUTHENTICATION.manifest(mesh_metadata(name, namespace), {"networks": networks}),
        authorization(name, namespace, target, policy_ref("NetworkAuthentication", name)),
    ]


def _identities(grant: Grant, binding: MeshBinding) -> list[str]:
    found = (binding.identity(one.namespace, one.service_account) for one in grant.callers)
    return [one for one in found if one is not None]


def _rules(matches: Sequence[HttpMatch]) -> list[HttpRule]:
    return [{"matches": list(matches[at : at + _MATCHES])} for at in range(0, len(matches), _MATCHES)]
