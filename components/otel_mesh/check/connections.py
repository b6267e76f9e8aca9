"""Connections that the NetworkPolicies among objects let through."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from otel_mesh.check.index import selects
from otel_mesh.check.objects import items, mapping, mappings, number, text, words
from otel_mesh.check.selectors import namespaces_selected
from otel_mesh.check.workloads import Outsider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object
    from otel_mesh.check.workloads import Workload


class Connections:
    """Decisions on connections between workloads.

    Args:
        index: Objects with the workloads and the policies.
    """

    def __init__(self, index: Index) -> None:
        self._index = index

    def isolating(self, pod: Workload, direction: str) -> Sequence[Object]:
        """NetworkPolicies that restrict the connections of a workload in a direction, ``Ingress`` or ``Egress``."""
        return self._isolating.get((id(pod), direction), ())

    def refusing(self, own: Workload, direction: str, other: Workload, port: int | None) -> Object | None:
        """A NetworkPolicy of a workload that refuses a connection; None if it is let through.

        Args:
            own: Workload that the policies are for.
            direction: ``Ingress`` for connections that it accepts, ``Egress`` for those that it opens.
            other: The other end.
            port: Port of the callee.
        """
        policies = self.isolating(own, direction)
        rules = [rule for one in policies for rule in items(one.spec.get(direction.lower()))]
        if policies and not any(self._passes(own, rule, direction, other, port) for rule in rules):
            return policies[0]
        return None

    @cached_property
    def _isolating(self) -> Mapping[tuple[int, str], list[Object]]:
        found: dict[tuple[int, str], list[Object]] = defaultdict(list)
        for one in self._index.of("NetworkPolicy"):
            types = words(one.spec.get("policyTypes")) or ["Ingress", *(["Egress"] if "egress" in one.spec else [])]
            for pod in self._index.select_by(one.namespace, one.spec.get("podSelector")):
                for direction in types:
                    found[id(pod), direction].append(one)
        return found

    def _passes(self, own: Workload, rule: object, direction: str, other: Workload, port: int | None) -> bool:
        given = mapping(rule)
        ports = [one for _, one in mappings(given.get("ports"))]
        callee = other if direction == "Egress" else own
        if ports and port is not None and not any(_is_port(one, port, callee) for one in ports):
            return False
        peers = [one for _, one in mappings(given.get("from" if direction == "Ingress" else "to"))]
        return not peers or any(self._is_peer(own, peer, other) for peer in peers)

    def _is_peer(self, own: Workload, peer: dict[str, Any], other: Workload) -> bool:
        if "ipBlock" in peer:
            return False
        if "namespaceSelector" in peer:
            known = self._index.namespaces.get(other.namespace)
            labels = {"kubernetes.io/metadata.name": other.namespace, **(known.labels if known else {})}
            if not selects(peer["namespaceSelector"], labels):
                return False
        elif other.namespace != own.namespace:
            return False
        if isinstance(other, Outsider) and not other.is_anonymous:
            return True  # its labels are not known
        return "podSelector" not in peer or selects(peer["podSelector"], other.labels)

    def peers(self, own: Workload, peer: dict[str, Any]) -> Sequence[Workload]:
        """Workloads that a peer in a NetworkPolicy of a workload selects; none for a block of addresses."""
        if "ipBlock" in peer:
            return ()
        selector = peer.get("namespaceSelector")
        places = [own.namespace] if selector is None else namespaces_selected(self._index, selector)
        return [one for place in places for one in self._index.select_by(place, peer.get("podSelector"))]


def _is_port(one: dict[str, Any], port: int, callee: Workload) -> bool:
    if "port" not in one:
        return True
    first = number(one["port"])
    first = first if first is not None else callee.port_named(text(one["port"]))
    last = number(one.get("endPort"))
    return first is not None and first <= port <= (last if last is not None else first)
