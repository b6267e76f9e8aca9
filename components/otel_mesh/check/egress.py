"""Hosts outside the cluster: ServiceEntries that are missing, ambiguous or contradictory."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from otel_mesh.check.findings import Severity, code, found
from otel_mesh.check.hosts import DOMAIN, Hosts
from otel_mesh.check.objects import ISTIO, mapping, mappings, number, text, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object

UNREGISTERED: Final = code(
    "OM820",
    Severity.ERROR,
    "call to a host that the mesh does not know",
    why="outboundTrafficPolicy is REGISTRY_ONLY: the proxy refuses the connection (502 or a reset).",
    remedy="add a ServiceEntry for the host",
)
ADDRESSES: Final = code(
    "OM821",
    Severity.WARNING,
    "TCP ServiceEntry without addresses",
    why="Connections are told apart by address and port only: it takes the port from all other hosts.",
    remedy="list addresses, or a protocol with a host name: HTTP, TLS",
    istioctl=("IST0134",),
)
CONTRADICTION: Final = code(
    "OM822",
    Severity.WARNING,
    "two protocols for one host and port",
    why="Which of them the proxies use is not defined.",
    remedy="merge the ServiceEntries",
    istioctl=("IST0177",),
)
_REGISTRY_ONLY: Final = re.compile(r"outboundTrafficPolicy:\s*\n?\s*\{?\s*mode:\s*REGISTRY_ONLY")
_LOCAL: Final = frozenset({"localhost", "kubernetes.default.svc", "kubernetes"})


def check(index: Index) -> Iterator[Finding]:
    """Findings of this module."""
    yield from _entries(index)
    hosts = Hosts(index)
    everywhere, closed = _closed(index)
    if not everywhere and not closed:
        return
    for workload in index.workloads:
        if not (everywhere or workload.namespace in closed) or not index.injects(workload):
            continue
        for path, container in workload.containers():
            for place, variable in mappings(container.get("env")):
                host = _outside(text(variable.get("value")))
                if host and hosts.find(host, workload.namespace) is None:
                    where = f"{path}.env[{place}].value"
                    yield found(UNREGISTERED, workload.object, where, f"no ServiceEntry has the host '{host}'")


def _outside(value: str) -> str:
    """Host of a URL outside the cluster; empty for anything else."""
    if "://" not in value:
        return ""
    try:
        host = urlsplit(value).hostname or ""
    except ValueError:
        return ""
    inside = "." not in host or host in _LOCAL or host.endswith((f".{DOMAIN}", ".svc")) or host[-1:].isdigit()
    return "" if inside else host


def _closed(index: Index) -> tuple[bool, set[str]]:
    """Whether the whole mesh is REGISTRY_ONLY, and the namespaces whose Sidecar objects are."""
    everywhere = any(
        _REGISTRY_ONLY.search(text(mapping(one.manifest.get("data")).get("mesh"))) for one in index.of("ConfigMap")
    )
    sidecars = index.of("Sidecar", ISTIO)
    closed = {
        one.namespace
        for one in sidecars
        if mapping(one.spec.get("outboundTrafficPolicy")).get("mode") == "REGISTRY_ONLY"
        and "workloadSelector" not in one.spec
    }
    return everywhere, closed


def _entries(index: Index) -> Iterator[Finding]:
    protocols: dict[tuple[str, int | None], list[tuple[str, Object]]] = defaultdict(list)
    for entry in index.of("ServiceEntry", ISTIO):
        for place, port in mappings(entry.spec.get("ports")):
            spoken = text(port.get("protocol")).upper()
            allocated = mapping(entry.manifest.get("status")).get("addresses")
            if spoken in ("", "TCP") and not entry.spec.get("addresses") and not allocated:
                yield found(ADDRESSES, entry, f"spec.ports[{place}]", "it has no addresses")
            for host in words(entry.spec.get("hosts")):
                protocols[host, number(port.get("number"))].append((spoken, entry))
    told: set[int] = set()
    for (host, port_number), given in protocols.items():
        for spoken, entry in given if len({one for one, _ in given}) > 1 else ():
            others = [f"{other} ({kind})" for kind, other in given if kind != spoken and _meet(entry, other)]
            if others and id(entry) not in told:
                told.add(id(entry))
                message = f"'{host}' on port {port_number} is {spoken} here and not in {', '.join(others)}"
                yield found(CONTRADICTION, entry, "spec.ports", message)


def _meet(one: Object, other: Object) -> bool:
    mine, theirs = _scopes(one), _scopes(other)
    return "*" in mine or "*" in theirs or bool(mine & theirs)


def _scopes(one: Object) -> set[str]:
    exported = words(one.spec.get("exportTo"))
    if not exported or "*" in exported:
        return {"*"}
    return {one.namespace if scope == "." else scope for scope in exported}
