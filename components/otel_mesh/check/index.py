"""Objects by kind, name, label and host, so that a check of each object costs the same however many there are."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from otel_mesh.check.findings import Severity
from otel_mesh.check.objects import GATEWAY_API, ISTIO, KUBERNETES, LINKERD, Object, mapping, mappings, words
from otel_mesh.check.workloads import KINDS, Workload

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_NATIVE_SYSTEM = frozenset({"kube-system", "kube-public", "kube-node-lease"})
ROOT_NAMESPACE = "istio-system"
"""Namespace whose policies Istio applies to the whole mesh."""


class Index:
    """The objects of one check.

    Args:
        objects: Objects in any order.
        environment: ``deployment.environment.name`` of the stack; empty if unknown.
    """

    def __init__(self, objects: Iterable[Object], environment: str = "") -> None:
        self.objects: tuple[Object, ...] = tuple(objects)
        self.environment = environment
        self._by_kind: dict[tuple[str, str], list[Object]] = defaultdict(list)
        self._by_name: dict[tuple[str, str, str, str], Object] = {}
        self._given: set[tuple[str, str, str]] = set()
        for one in self.objects:
            family = one.family
            self._by_kind[family, one.kind].append(one)
            self._by_name[family, one.kind, one.namespace, one.name] = one
            self._given.add((family, one.kind, one.namespace))
        self.workloads = tuple(Workload(one) for kind in sorted(KINDS) for one in self.of(kind))
        self._labelled: dict[tuple[str, str, str], list[Workload]] = defaultdict(list)
        self._in_namespace: dict[str, list[Workload]] = defaultdict(list)
        for workload in self.workloads:
            self._in_namespace[workload.namespace].append(workload)
            for key, value in workload.labels.items():
                self._labelled[workload.namespace, key, str(value)].append(workload)
        self._selected: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[Workload, ...]] = {}

    def of(self, kind: str, family: str = KUBERNETES) -> Sequence[Object]:
        """Objects of a kind."""
        return self._by_kind.get((family, kind), ())

    def get(self, kind: str, namespace: str, name: str, family: str = KUBERNETES) -> Object | None:
        """The object of a kind with a name."""
        return self._by_name.get((family, kind, namespace, name))

    def knows(self, kind: str, namespace: str, family: str = KUBERNETES) -> bool:
        """Whether objects of a kind were given for a namespace, so that another one does not exist."""
        return (family, kind, namespace) in self._given

    def absence(self, code_severity: Severity, kind: str, namespace: str, family: str = KUBERNETES) -> Severity:
        """Severity of a reference to an absent object: a note if none of its kind in the namespace was given."""
        return code_severity if self.knows(kind, namespace, family) else Severity.INFO

    def pods_absent(self, code_severity: Severity, namespace: str) -> Severity:
        """Severity of a selector that selects no pods: a note if no workload of the namespace was given."""
        known = namespace in self._in_namespace if namespace else bool(self.workloads)
        return code_severity if known else Severity.INFO

    def workloads_in(self, namespace: str) -> Sequence[Workload]:
        """Workloads of a namespace; of all if it is empty."""
        return self._in_namespace.get(namespace, ()) if namespace else self.workloads

    def select(self, namespace: str, labels: Mapping[str, Any]) -> tuple[Workload, ...]:
        """Workloads whose pods have all labels; all in the namespace for no labels.

        Args:
            namespace: Namespace of the workloads; empty for all.
            labels: Labels of the pods.
        """
        wanted = tuple(sorted((key, str(value)) for key, value in labels.items()))
        if (namespace, wanted) not in self._selected:
            self._selected[namespace, wanted] = self._select(namespace, wanted)
        return self._selected[namespace, wanted]

    def _select(self, namespace: str, wanted: tuple[tuple[str, str], ...]) -> tuple[Workload, ...]:
        if not namespace:
            return tuple(one for place in self._in_namespace for one in self.select(place, dict(wanted)))
        if not wanted:
            return tuple(self._in_namespace.get(namespace, ()))
        fewest: list[Workload] = min(
            (self._labelled.get((namespace, key, value), []) for key, value in wanted), key=len
        )
        return tuple(one for one in fewest if all(str(one.labels.get(key)) == value for key, value in wanted))

    def select_by(self, namespace: str, selector: object) -> tuple[Workload, ...]:
        """Workloads of a label selector with ``matchLabels`` and ``matchExpressions``."""
        given = mapping(selector)
        chosen = self.select(namespace, mapping(given.get("matchLabels")))
        expressions = [one for _, one in mappings(given.get("matchExpressions"))]
        return tuple(one for one in chosen if all(holds(one.labels, each) for each in expressions))

    @cached_property
    def namespaces(self) -> Mapping[str, Object]:
        """Namespace objects by name."""
        return {one.name: one for one in self.of("Namespace")}

    @cached_property
    def used_namespaces(self) -> frozenset[str]:
        """Namespaces that are given or that objects are in."""
        return frozenset(one.namespace for one in self.objects if one.namespace) | frozenset(self.namespaces)

    def is_system(self, namespace: str) -> bool:
        """Whether a namespace is Kubernetes' own."""
        return namespace in _NATIVE_SYSTEM

    @cached_property
    def has_istio(self) -> bool:
        """Whether there is anything of Istio."""
        return any(family == ISTIO for family, _ in self._by_kind)

    @cached_property
    def has_linkerd(self) -> bool:
        """Whether there is anything of Linkerd."""
        if any(family == LINKERD for family, _ in self._by_kind):
            return True
        places = [*(one.annotations for one in self.workloads), *(one.annotations for one in self.namespaces.values())]
        return any("linkerd.io/inject" in one for one in places)

    @cached_property
    def routes(self) -> tuple[Object, ...]:
        """HTTPRoutes and GRPCRoutes of the Gateway API and of Linkerd."""
        return tuple(
            one
            for family in (GATEWAY_API, LINKERD)
            for kind in ("HTTPRoute", "GRPCRoute")
            for one in self.of(kind, family)
        )

    def injects(self, workload: Workload) -> bool:
        """Whether a mesh gives the pods of a workload a proxy, as far as labels and annotations say."""
        if workload.has_proxy:
            return True
        if workload.is_on_host_network:
            return False
        own = str(
            workload.labels.get("sidecar.istio.io/inject", workload.annotations.get("sidecar.istio.io/inject", ""))
        )
        if own:
            return own == "true"
        namespace = self.namespaces.get(workload.namespace)
        labels = namespace.labels if namespace else {}
        linkerd = workload.annotations.get("linkerd.io/inject") or (
            namespace.annotations.get("linkerd.io/inject") if namespace else None
        )
        if linkerd in ("enabled", "ingress"):
            return True
        if labels.get("istio-injection") == "disabled":
            return False
        return (
            labels.get("istio-injection") == "enabled" or "istio.io/rev" in labels or "istio.io/rev" in workload.labels
        )


def holds(labels: Mapping[str, Any], expression: Mapping[str, Any]) -> bool:
    """Whether labels satisfy one of ``matchExpressions``."""
    key, value = expression.get("key"), labels.get(str(expression.get("key")))
    match expression.get("operator"):
        case "In":
            return value in words(expression.get("values"))
        case "NotIn":
            return value not in words(expression.get("values"))
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False


def selects(selector: object, labels: Mapping[str, Any]) -> bool:
    """Whether a label selector selects labels; an empty one selects all."""
    given = mapping(selector)
    if any(str(labels.get(key)) != str(value) for key, value in mapping(given.get("matchLabels")).items()):
        return False
    return all(holds(labels, one) for _, one in mappings(given.get("matchExpressions")))
