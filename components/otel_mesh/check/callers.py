"""Who may call a workload, and with which requests, by all access policies among objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.authorization import action
from otel_mesh.check.calls import Calls
from otel_mesh.check.objects import GATEWAY_API, LINKERD, items, mapping, mappings, number, text, words
from otel_mesh.check.workloads import Outsider, Workload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object

    _Named = tuple[str, Workload, str]

ANYONE: Final = "anyone"
"""Name of a caller without an identity, in an unknown namespace."""
MESHED: Final = "anyone in the mesh"
"""Name of a caller with any identity."""
_SOURCES: Final = frozenset({"principals", "namespaces", "requestPrincipals"})


class Callers:
    """The callers that policies let through.

    Args:
        index: Objects with the workloads and the policies.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._calls = Calls(index)
        self._accounts: dict[str, list[Workload]] = {}
        for one in index.workloads:
            self._accounts.setdefault(identity(one), []).append(one)

    def of(self, callee: Workload) -> dict[str, frozenset[str]]:
        """Requests that are let through, in words and by caller; an empty text for all requests to all ports.

        A caller is ``namespace/service account``, ``namespace x``, ``token x``, `MESHED` or `ANYONE`. What a policy
        denies only in part counts as let through.

        Args:
            callee: Workload that is called.
        """
        found: dict[str, set[str]] = {}
        ports = self._calls.ports(callee)
        for name, caller, requests in self._named(callee):
            passing = self._calls.passing(caller, callee)
            if passing is None:
                continue
            is_open = not passing or (name == ANYONE and passing == ports)
            limited = "" if is_open else f"port {' '.join(map(str, sorted(passing)))}"
            found.setdefault(name, set()).add(requests or limited)
        if "" in found.get(ANYONE, ()):
            return {ANYONE: frozenset({""})}
        return {name: frozenset(requests) for name, requests in found.items()}

    def _named(self, callee: Workload) -> Iterator[_Named]:
        """Callers that policies name, with the requests that they name; whether they are let through is open."""
        policies = [one for one in self._calls.policies(callee) if action(one) == "ALLOW"]
        if not policies:
            yield ANYONE, Outsider(), ""
            authorized = list(self._by_linkerd(callee))
            yield from authorized
            # whom the mesh names may send what the mesh says: the network knows ports only
            named = {name for name, _, _ in authorized}
            yield from (one for one in self._by_network(callee) if one[0] not in named)
        for policy in policies:
            for _, rule in mappings(policy.spec.get("rules")):
                for requests in _requests(rule) or [""]:
                    yield from ((name, caller, requests) for name, caller in self._sources(rule))

    def _sources(self, rule: dict[str, Any]) -> Iterator[tuple[str, Workload]]:
        sources = [mapping(one.get("source")) for _, one in mappings(rule.get("from"))]
        for source in sources:
            for principal in words(source.get("principals")):
                namespace = principal.partition("/ns/")[2].partition("/")[0] or "*"
                account = principal.partition("/sa/")[2] or "*"
                if "*" in namespace + account:
                    yield principal, Outsider(namespace, account)
                else:
                    yield from self._identity(namespace, account)
            for namespace in words(source.get("namespaces")):
                yield f"namespace {namespace}", Outsider(namespace, "*")
            for token in words(source.get("requestPrincipals")):
                yield f"token {token}", Outsider()
        if not sources or any(not source.keys() & _SOURCES for source in sources):
            yield ANYONE, Outsider()

    def _identity(self, namespace: str, account: str) -> Iterator[tuple[str, Workload]]:
        """The workloads with an identity; one of another stack if there is none here."""
        name = f"{namespace}/{account}"
        for one in self._accounts.get(name) or [Outsider(namespace, account)]:
            yield name, one

    def _by_linkerd(self, callee: Workload) -> Iterator[_Named]:
        for server in self._calls.servers(callee):
            for policy in self._calls.authorizations(server):
                for _, reference in mappings(policy.spec.get("requiredAuthenticationRefs")):
                    for name, caller in self._authenticated(policy, reference):
                        yield from ((name, caller, requests) for requests in self._routed(policy, server, callee))

    def _routed(self, policy: Object, server: Object, callee: Workload) -> Sequence[str]:
        """Requests of the route that an AuthorizationPolicy is for; an empty text for all of a Server."""
        target = mapping(policy.spec.get("targetRef"))
        kind, name = text(target.get("kind")), text(target.get("name"))
        systems = (GATEWAY_API, LINKERD) if kind == "HTTPRoute" else ()
        routes = (self._index.get(kind, policy.namespace, name, system) for system in systems)
        route = next((one for one in routes if one is not None), None)
        if route is None:
            return [""]
        port = number(server.spec.get("port")) or callee.port_named(text(server.spec.get("port")))
        return [
            f"{_matched(match)} port {port}".strip()
            for _, rule in mappings(route.spec.get("rules"))
            for _, match in mappings(rule.get("matches"))
        ]

    def _authenticated(self, policy: Object, reference: dict[str, Any]) -> Iterator[tuple[str, Workload]]:
        namespace = text(reference.get("namespace")) or policy.namespace
        kind, name = text(reference.get("kind")), text(reference.get("name"))
        if kind == "ServiceAccount":
            yield from self._identity(namespace, name)
        one = self._index.get(kind, namespace, name, LINKERD)
        if kind != "MeshTLSAuthentication" or one is None:
            return
        for known in words(one.spec.get("identities")):
            account, _, rest = known.partition(".")
            yield from [(MESHED, Outsider("*", "*"))] if known == "*" else self._identity(rest.split(".")[0], account)
        for _, each in mappings(one.spec.get("identityRefs")):
            place = text(each.get("namespace")) or one.namespace
            if each.get("kind") == "Namespace":
                yield f"namespace {each.get('name')}", Outsider(text(each.get("name")), "*")
            elif each.get("name"):
                yield from self._identity(place, text(each.get("name")))
            else:
                yield f"namespace {place}", Outsider(place, "*")

    def _by_network(self, callee: Workload) -> Iterator[_Named]:
        """Workloads that the NetworkPolicies of a callee select."""
        for policy in self._calls.connections.isolating(callee, "Ingress"):
            for rule in items(policy.spec.get("ingress")):
                for _, peer in mappings(mapping(rule).get("from")):
                    for one in self._calls.connections.peers(callee, peer):
                        yield identity(one), one, ""


def identity(workload: Workload) -> str:
    """Namespace and ServiceAccount, as principals name them: ``namespace/service account``."""
    return f"{workload.namespace}/{workload.service_account}"


def _matched(match: dict[str, Any]) -> str:
    """Requests of a match of an HTTPRoute, in words: as an AuthorizationPolicy of Istio names them."""
    path = mapping(match.get("path"))
    below = "/*" if path.get("type") == "PathPrefix" else ""
    return f"{text(match.get('method'))} {text(path.get('value')).rstrip('/')}{below}".strip()


def _requests(rule: dict[str, Any]) -> list[str]:
    """Requests of a rule of an AuthorizationPolicy, in words."""
    found = []
    for _, one in mappings(rule.get("to")):
        operation = mapping(one.get("operation"))
        parts = [" ".join(words(operation.get("methods"))), " ".join(words(operation.get("paths")))]
        if ports := items(operation.get("ports")):
            parts.append(f"port {' '.join(map(str, ports))}")
        parts += [
            f"not {name[3:].lower()} {' '.join(map(str, items(value)))}"
            for name, value in sorted(operation.items())
            if name[:3] == "not"
        ]
        found.append(" ".join(part for part in parts if part))
    return found
