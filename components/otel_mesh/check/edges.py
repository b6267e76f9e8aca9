"""Calls between Services that the access policies of both meshes name."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from otel_mesh.check.authorization import action, pods_of, principals
from otel_mesh.check.calls import Calls
from otel_mesh.check.objects import ISTIO, LINKERD, mapping, mappings, text, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object
    from otel_mesh.check.workloads import Workload

    Identity = tuple[str, str]
    """Namespace and ServiceAccount."""


def allowed_edges(index: Index) -> dict[str, set[str]]:
    """Callers of each Service, as ``name.namespace``, by the identities in its AuthorizationPolicies.

    Args:
        index: Objects with the Services, the workloads and the policies.
    """
    named: dict[Identity, set[str]] = defaultdict(set)
    behind: dict[int, set[str]] = defaultdict(set)
    for service in index.of("Service"):
        selector = mapping(service.spec.get("selector"))
        for pod in index.select(service.namespace, selector) if selector else ():
            behind[id(pod)].add(f"{service.name}.{service.namespace}")
            named[pod.namespace, pod.service_account].add(f"{service.name}.{service.namespace}")
    edges: dict[str, set[str]] = defaultdict(set)
    for pod, callers in (*_by_istio(index), *_by_linkerd(index)):
        for callee in behind.get(id(pod), ()):
            edges[callee] |= set[str]().union(*(named.get(one, set()) for one in callers))
    return edges


def _by_istio(index: Index) -> Iterator[tuple[Workload, set[Identity]]]:
    for policy in index.of("AuthorizationPolicy", ISTIO):
        callers = set(principals(policy)) if action(policy) == "ALLOW" else set()
        for pod in pods_of(index, policy) if callers else ():
            yield pod, callers


def _by_linkerd(index: Index) -> Iterator[tuple[Workload, set[Identity]]]:
    if not index.of("AuthorizationPolicy", LINKERD):
        return
    calls = Calls(index)
    for pod in index.workloads:
        for server in calls.servers(pod):
            yield pod, {name for policy in calls.authorizations(server) for name in _identities(index, policy)}


def _identities(index: Index, policy: Object) -> Iterator[Identity]:
    """Callers that an AuthorizationPolicy of Linkerd names exactly."""
    for _, reference in mappings(policy.spec.get("requiredAuthenticationRefs")):
        namespace, name = text(reference.get("namespace")) or policy.namespace, text(reference.get("name"))
        if reference.get("kind") == "ServiceAccount":
            yield namespace, name
        one = index.get("MeshTLSAuthentication", namespace, name, LINKERD)
        if reference.get("kind") == "MeshTLSAuthentication" and one is not None:
            for known in words(one.spec.get("identities")):
                account, _, rest = known.partition(".")
                yield rest.partition(".")[0], account
            for _, each in mappings(one.spec.get("identityRefs")):
                yield text(each.get("namespace")) or one.namespace, text(each.get("name"))
