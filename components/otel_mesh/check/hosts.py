"""Hosts: the Services and ServiceEntries that a name in a route or rule stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.objects import ISTIO, mapping, mappings, number, text, words

if TYPE_CHECKING:
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object
    from otel_mesh.check.workloads import Workload

DOMAIN: Final = "cluster.local"
_SHORT_PARTS: Final = 2


def qualified(host: str, namespace: str) -> str:
    """The fully qualified name of a host that Istio reads in a namespace.

    A name without a dot is a Service of the namespace; ``name.namespace`` and ``name.namespace.svc`` are Istio's and
    Kubernetes' short forms.
    """
    if not host or "*" in host or host.endswith(f".svc.{DOMAIN}"):
        return host
    parts = host.split(".")
    if len(parts) == 1:
        return f"{host}.{namespace}.svc.{DOMAIN}"
    if len(parts) == _SHORT_PARTS + 1 and parts[2] == "svc":
        return f"{host}.{DOMAIN}"
    return host


def namespace_of(host: str) -> str:
    """Namespace of a Service's fully qualified name; empty for a host outside the cluster."""
    parts = host.split(".")
    return parts[1] if host.endswith(f".svc.{DOMAIN}") and len(parts) >= len(f"a.b.svc.{DOMAIN}".split(".")) else ""


class Hosts:
    """Services and ServiceEntries by host.

    Args:
        index: Objects of the check.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self.services = {f"{one.name}.{one.namespace}.svc.{DOMAIN}": one for one in index.of("Service")}
        self._entries: dict[str, Object] = {}
        for one in index.of("ServiceEntry", ISTIO):
            for host in words(one.spec.get("hosts")):
                self._entries.setdefault(qualified(host, one.namespace), one)

    def find(self, host: str, namespace: str) -> Object | None:
        """The Service or ServiceEntry of a host.

        Args:
            host: Host as an object writes it.
            namespace: Namespace of that object.
        """
        full = qualified(host, namespace)
        if full in self.services:
            return self.services[full]
        if full in self._entries:
            return self._entries[full]
        parts = full.split(".")
        for place in range(1, len(parts)):
            if (found := self._entries.get("*." + ".".join(parts[place:]))) is not None:
                return found
        # "reviews.shop": Kubernetes' DNS resolves it, and Istio's router too
        short = f"{full}.svc.{DOMAIN}" if len(parts) == _SHORT_PARTS else ""
        return self.services.get(short)

    def workloads(self, service: Object) -> tuple[Workload, ...]:
        """Workloads that a Service selects; none without a selector."""
        selector = mapping(service.spec.get("selector"))
        return self._index.select(service.namespace, selector) if selector else ()

    def near(self, host: str, namespace: str) -> list[str]:
        """Names of the Services among which a mistyped name is likely."""
        place = namespace_of(qualified(host, namespace)) or namespace
        return [one.name for one in self._index.of("Service") if one.namespace == place]


def ports(where: Object) -> list[dict[str, Any]]:
    """Ports of a Service or ServiceEntry."""
    return [one for _, one in mappings(where.spec.get("ports"))]


def port_numbers(where: Object) -> set[int]:
    """Numbers of the ports of a Service or ServiceEntry."""
    field = "number" if where.family == ISTIO else "port"
    return {value for one in ports(where) if (value := number(one.get(field))) is not None}


def target_port(port: dict[str, Any], workload: Workload) -> int | None:
    """Number of the pods' port behind a Service's port; None if its name is unknown there."""
    target = port.get("targetPort", port.get("port"))
    as_number = number(target)
    return as_number if as_number is not None else workload.port_named(text(target))
