"""Whether the access policies among objects let a call through: those of Istio, of Linkerd, and NetworkPolicies."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.authorization import action, applying
from otel_mesh.check.connections import Connections
from otel_mesh.check.objects import GATEWAY_API, LINKERD, mapping, mappings, number, text, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object
    from otel_mesh.check.workloads import Workload

_NAME_LABELS: Final = ("app.kubernetes.io/instance", "app", "app.kubernetes.io/name")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is refused.

    Attributes:
        by: Policy that refuses it; None if no policy allows it where one has to.
        reason: Reason, with the names involved.
    """

    by: Object | None
    reason: str


class Calls:
    """Decisions on calls between workloads.

    Requests of one pair differ in method and path, which are not known here: a rule for some routes counts as one for
    all.

    Args:
        index: Objects with the workloads and the policies.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._policies = applying(index)
        self.connections = Connections(index)
        self._named: dict[str, Workload] = {}
        for label in _NAME_LABELS:
            for workload in index.workloads:
                self._named.setdefault(str(workload.labels.get(label, "")), workload)
        for workload in index.workloads:
            self._named[workload.object.name] = workload

    def workload(self, name: str) -> Workload | None:
        """The workload whose ``service.name`` is a name, also in the forms ``name.namespace`` and a DNS name."""
        return self._named.get(name) or self._named.get(name.partition(".")[0])

    def ports(self, callee: Workload) -> frozenset[int]:
        """Ports that the calls to a workload arrive at: those of its containers."""
        return callee.port_numbers

    def refusal(self, caller: Workload, callee: Workload) -> Refusal | None:
        """Why calls are refused on all ports of the callee; None if they are let through on one.

        Args:
            caller: Workload of the caller.
            callee: Workload of the callee.
        """
        if caller is callee:
            return None
        refusals = [refusal for _, refusal in self._judged(caller, callee)]
        return refusals[0] if all(one is not None for one in refusals) else None

    def passing(self, caller: Workload, callee: Workload) -> frozenset[int] | None:
        """Ports of the callee that calls are let through on; None if they are refused.

        Args:
            caller: Workload of the caller.
            callee: Workload of the callee; none of its ports is listed if it declares none.
        """
        passing = [port for port, refusal in self._judged(caller, callee) if refusal is None]
        return frozenset(port for port in passing if port is not None) if passing else None

    def policies(self, callee: Workload) -> Sequence[Object]:
        """Istio's AuthorizationPolicies that the proxy of a workload enforces; none without a proxy."""
        return self._policies.get(id(callee), ()) if self._index.injects(callee) else ()

    def servers(self, callee: Workload) -> Sequence[Object]:
        """Linkerd's Servers for ports of a workload."""
        return self._servers.get(id(callee), ())

    def authorizations(self, server: Object) -> Sequence[Object]:
        """Linkerd's AuthorizationPolicies for a Server or, of callers by identity, for one of its routes."""
        targets = (("Server", server.name), ("Namespace", server.namespace))
        whole = [one for target in targets for one in self._authorizations.get((server.namespace, *target), ())]
        routes = self._routes.get((server.namespace, server.name), ())
        parts = [one for target in routes for one in self._authorizations.get((server.namespace, *target), ())]
        return [*whole, *(one for one in parts if _needs_identity(one))]  # the kubelet's probes have routes too

    @cached_property
    def _routes(self) -> Mapping[tuple[str, str], list[tuple[str, str]]]:
        """Kind and name of the routes of Servers, by namespace and name of the Server."""
        found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for kind in ("HTTPRoute", "GRPCRoute"):
            for one in (*self._index.of(kind, GATEWAY_API), *self._index.of(kind, LINKERD)):
                for _, parent in mappings(one.spec.get("parentRefs")):
                    if parent.get("kind") == "Server":
                        found[one.namespace, text(parent.get("name"))].append((kind, one.name))
        return found

    @cached_property
    def _servers(self) -> Mapping[int, list[Object]]:
        found: dict[int, list[Object]] = defaultdict(list)
        for one in self._index.of("Server", LINKERD):
            for pod in self._index.select_by(one.namespace, one.spec.get("podSelector")):
                found[id(pod)].append(one)
        return found

    @cached_property
    def _authorizations(self) -> Mapping[tuple[str, str, str], list[Object]]:
        found: dict[tuple[str, str, str], list[Object]] = defaultdict(list)
        for one in self._index.of("AuthorizationPolicy", LINKERD):
            target = mapping(one.spec.get("targetRef"))
            found[one.namespace, text(target.get("kind")), text(target.get("name"))].append(one)
        return found

    def _judged(self, caller: Workload, callee: Workload) -> list[tuple[int | None, Refusal | None]]:
        ports: list[int | None] = [*sorted(self.ports(callee))] or [None]
        return [(port, self._refusal(caller, callee, port)) for port in ports]

    def _refusal(self, caller: Workload, callee: Workload, port: int | None) -> Refusal | None:
        return (
            self._by_istio(caller, callee, port)
            or self._by_linkerd(caller, callee, port)
            or self._by_network(caller, callee, port)
        )

    def _by_istio(self, caller: Workload, callee: Workload, port: int | None) -> Refusal | None:
        policies = self.policies(callee)
        if not policies:
            return None
        principal = f"{caller.namespace}/{caller.service_account}" if self._index.injects(caller) else ""
        for policy in policies:
            if action(policy) == "DENY" and any(
                _matches(rule, principal, caller.namespace, port, whole=True) for rule in _rules(policy)
            ):
                return Refusal(policy, f"{policy} denies {principal or 'callers without an identity'}")
        allowing = [policy for policy in policies if action(policy) == "ALLOW"]
        for policy in allowing:
            if any(_matches(rule, principal, caller.namespace, port, whole=False) for rule in _rules(policy)):
                return None
        if not allowing:
            return None
        own = [policy for policy in allowing if _rules(policy)] or allowing
        return Refusal(own[0], f"{own[0]} does not allow {principal or 'callers without an identity'}")

    def _by_linkerd(self, caller: Workload, callee: Workload, port: int | None) -> Refusal | None:
        for server in self.servers(callee):
            wanted = number(server.spec.get("port"))
            wanted = wanted if wanted is not None else callee.port_named(text(server.spec.get("port")))
            if wanted != port:
                continue
            if text(server.spec.get("accessPolicy")) in ("all-unauthenticated", "audit", "cluster-unauthenticated"):
                return None
            if not any(self._authorizes(policy, caller) for policy in self.authorizations(server)):
                return Refusal(
                    server, f"no AuthorizationPolicy of {server} allows {caller.namespace}/{caller.service_account}"
                )
        return None

    def _authorizes(self, policy: Object, caller: Workload) -> bool:
        required = [one for _, one in mappings(policy.spec.get("requiredAuthenticationRefs"))]
        return all(self._authenticates(policy, one, caller) for one in required)

    def _authenticates(self, policy: Object, reference: dict[str, Any], caller: Workload) -> bool:
        namespace = text(reference.get("namespace")) or policy.namespace
        kind, name = text(reference.get("kind")), text(reference.get("name"))
        if kind == "ServiceAccount":
            return (namespace, name) == (caller.namespace, caller.service_account)
        if kind != "MeshTLSAuthentication":
            return True
        one = self._index.get(kind, namespace, name, LINKERD)
        return one is not None and self._index.injects(caller) and _has_identity(one, caller)

    def _by_network(self, caller: Workload, callee: Workload, port: int | None) -> Refusal | None:
        for direction, own, other in (("Egress", caller, callee), ("Ingress", callee, caller)):
            if (policy := self.connections.refusing(own, direction, other, port)) is not None:
                return Refusal(policy, f"{policy} lets no {direction.lower()} of {own} with {other} through")
        return None


def _needs_identity(policy: Object) -> bool:
    """Whether an AuthorizationPolicy of Linkerd names its callers by identity."""
    kinds = {one.get("kind") for _, one in mappings(policy.spec.get("requiredAuthenticationRefs"))}
    return bool(kinds & {"MeshTLSAuthentication", "ServiceAccount"})


def _has_identity(one: Object, caller: Workload) -> bool:
    """Whether a MeshTLSAuthentication lists a caller."""
    start = f"{caller.service_account}.{caller.namespace}.serviceaccount."
    if any(identity == "*" or identity.startswith(start) for identity in words(one.spec.get("identities"))):
        return True
    for _, each in mappings(one.spec.get("identityRefs")):
        if each.get("kind") == "Namespace" and each.get("name") == caller.namespace:
            return True
        place = text(each.get("namespace")) or one.namespace
        accounts = (None, caller.service_account)
        if each.get("kind") == "ServiceAccount" and place == caller.namespace and each.get("name") in accounts:
            return True
    return False


def _rules(policy: Object) -> Sequence[dict[str, Any]]:
    return [rule for _, rule in mappings(policy.spec.get("rules"))]


def _matches(rule: dict[str, Any], principal: str, namespace: str, port: int | None, *, whole: bool) -> bool:
    """Whether a rule matches calls of a caller.

    Args:
        rule: Rule of an AuthorizationPolicy.
        principal: Namespace and ServiceAccount of the caller; empty without an identity.
        namespace: Namespace of the caller.
        port: Port of the callee.
        whole: Whether the rule has to match all requests of the caller, not only those to some routes.
    """
    if whole and rule.get("when"):
        return False
    sources = [mapping(one.get("source")) for _, one in mappings(rule.get("from"))]
    if sources and not any(_is_source(one, principal, namespace) for one in sources):
        return False
    operations = [mapping(one.get("operation")) for _, one in mappings(rule.get("to"))]
    return not operations or any(_is_operation(one, port, whole=whole) for one in operations)


def _is_source(source: dict[str, Any], principal: str, namespace: str) -> bool:
    identity = f"/ns/{principal.replace('/', '/sa/')}" if principal else ""
    if "principals" in source and not any(_fits(one, identity) for one in words(source["principals"])):
        return False
    if any(_fits(one, identity) for one in words(source.get("notPrincipals"))):
        return False
    if "namespaces" in source and (
        not identity or not any(_fits(one, namespace) for one in words(source["namespaces"]))
    ):
        return False
    return not any(_fits(one, namespace) for one in words(source.get("notNamespaces")))


def _fits(pattern: str, value: str) -> bool:
    """Whether a pattern matches a value; of a principal, the trust domain is not compared."""
    if not value:
        return False
    if value.startswith("/ns/") and not pattern.startswith("*"):
        pattern = pattern[pattern.find("/ns/") :] if "/ns/" in pattern else pattern
    if pattern == "*":
        return True
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


def _is_operation(operation: dict[str, Any], port: int | None, *, whole: bool) -> bool:
    if "ports" in operation and port is not None and str(port) not in words(operation["ports"]):
        return False
    rest = {key for key in operation if key != "ports"}
    return not (whole and rest)
