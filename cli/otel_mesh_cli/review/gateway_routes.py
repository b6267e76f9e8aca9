"""The Gateway API's routes, HTTPRoutes and GRPCRoutes, in the form of VirtualServices: one of each Service and Gateway.

Both meshes apply the routes of a parent together, the most specific match first, whichever object has it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from otel_mesh.check.backends import backends
from otel_mesh.check.objects import mapping, mappings, number, text, words
from otel_mesh.check.resilience import seconds
from otel_mesh.core.labels import Annotation
from otel_mesh.core.network import service_host
from otel_mesh.mesh.policies.traffic import subset_name
from otel_mesh_cli.review import error_backends, gateway_matches, matches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object

    Manifest = dict[str, Any]
    Parent = tuple[str, str, str]
    """Kind, namespace and name of what routes are attached to."""

_RETRIES = ("retry.linkerd.io/http", "retry.linkerd.io/grpc")
_LIMIT = "retry.linkerd.io/limit"
_TIMEOUT = "timeout.linkerd.io/request"


def virtual_services(index: Index) -> Iterator[Manifest]:
    """A VirtualService that does the same, for each parent of routes.

    Args:
        index: Objects of the version.
    """
    rules: dict[Parent, list[tuple[gateway_matches.Rank, Manifest]]] = defaultdict(list)
    ends: dict[Parent, str] = {}
    for route in sorted(index.routes, key=lambda one: (one.namespace, one.name, one.kind)):
        for _, given in mappings(route.spec.get("parentRefs")):
            kind = text(given.get("kind")) or "Gateway"
            parent = (kind, text(given.get("namespace")) or route.namespace, text(given.get("name")))
            if kind not in {"Gateway", "Service"}:
                continue  # a Server's routes say who may call, an EgressNetwork's what leaves the cluster
            rules[parent] += _rules(index, route, parent, given)
            if day := route.annotations.get(Annotation.FAULT_EXPIRES):
                ends[parent] = str(day)
    for parent in sorted(rules):
        kind, namespace, name = parent
        ordered = sorted(rules[parent], key=lambda one: one[0], reverse=True)
        hosts: list[str] = [service_host(name, namespace)] if kind == "Service" else []
        gateways: list[str] = [] if hosts else [f"{namespace}/{name}"]
        yield {
            "kind": "VirtualService",
            "metadata": {
                "namespace": namespace,
                "name": name,
                "annotations": {Annotation.FAULT_EXPIRES: ends[parent]} if parent in ends else {},
            },
            "spec": {"hosts": hosts, "gateways": gateways, "http": [rule for _, rule in ordered]},
        }


def _rules(
    index: Index, route: Object, parent: Parent, given: Manifest
) -> Iterator[tuple[gateway_matches.Rank, Manifest]]:
    """The rules of a route at one parent, each with its precedence."""
    common = _common(index, route, parent, given)
    hosts: list[Manifest] = [{}]
    if parent[0] == "Gateway" and route.spec.get("hostnames"):  # a Service's routes are for all of its hosts
        hosts = [{"authority": {"exact": one}} for one in words(route.spec.get("hostnames"))]
    for _, rule in mappings(route.spec.get("rules")):
        own = gateway_matches.conditions(route.kind, rule.get("matches"))
        for host in hosts:
            found = [{**common, **host, **one} for one in own]
            # what may be repeated chooses no destination: it comes last in the order
            order = (*gateway_matches.rank(matches.without_repeatable(found)), *gateway_matches.rank(found))
            yield order, {"match": found, **_treatment(index, route, rule, parent)}


def _common(index: Index, route: Object, parent: Parent, given: Manifest) -> Manifest:
    """Conditions of all rules of a route at one parent."""
    kind, namespace, name = parent
    if kind == "Gateway":
        return {"listener": given["sectionName"]} if given.get("sectionName") else {}
    found: Manifest = {}
    if namespace != route.namespace:  # such a route is for the callers of its own namespace
        found["sourceNamespace"] = route.namespace
    service = index.get("Service", namespace, name)
    if given.get("port") and service is not None and len(mappings(service.spec.get("ports"))) > 1:
        found["port"] = given["port"]
    return found


def _treatment(index: Index, route: Object, rule: Manifest, parent: Parent) -> Manifest:
    """What a rule does with its requests."""
    destinations, fault = _destinations(index, route, rule, parent)
    made: Manifest = {"route": destinations, "fault": fault}
    for _, one in mappings(rule.get("filters")):
        if one.get("type") == "RequestRedirect":
            made["redirect"] = _redirect(mapping(one.get("requestRedirect")))
    if not destinations and "redirect" not in made:
        if parent[0] == "Service" and index.has_linkerd:  # Linkerd sends them on as if there were no rule
            made["route"] = [_destination(service_host(parent[2], parent[1]), "", 100)]
        else:
            made["directResponse"] = {"status": 500}
    notes = route.annotations
    attempts = number(mapping(rule.get("retry")).get("attempts"))
    if any(name in notes for name in _RETRIES):
        attempts = number(notes.get(_LIMIT, 1))
    made["retries"] = {"attempts": attempts or 0}
    given = text(notes.get(_TIMEOUT)) or text(mapping(rule.get("timeouts")).get("request"))
    return {**made, "timeout": error_backends.duration(seconds(given) or 0)}


def _destinations(index: Index, route: Object, rule: Manifest, parent: Parent) -> tuple[list[Manifest], Manifest]:
    """Where a rule sends requests, with shares in percent, and the fault that a share of them meets."""
    given = [one for one in backends(index, route, rule) if one.weight]
    total = sum(one.weight for one in given)
    passing: list[tuple[str, Object | None, int]] = []
    fault: Manifest = {}
    for one in given:
        if met := error_backends.fault(index, one.service, 100 * one.weight / total):
            fault = met
        else:
            is_service = one.kind == "Service"
            host = service_host(one.name, one.namespace) if is_service else f"{one.kind} {one.name}.{one.namespace}"
            passing.append((host, one.service, one.weight))
    if not passing and fault:  # all requests fail, those to the Service itself
        return [_destination(service_host(parent[2], parent[1]), "", 100)], fault
    whole = sum(weight for _, _, weight in passing)
    own = index.get("Service", *parent[1:]) if parent[0] == "Service" else None
    made = [
        _destination(*(_version(own, service) or (host, "")), 100 * weight / whole) for host, service, weight in passing
    ]
    return made, fault


def _destination(host: str, subset: str, share: float) -> Manifest:
    return {"destination": {"host": host, "subset": subset}, "weight": share}


def _version(whole: Object | None, part: Object | None) -> tuple[str, str] | None:
    """Host of a Service, and which part of its pods another Service selects by one more label; None if it does not."""
    if whole is None or part is None or whole.namespace != part.namespace:
        return None
    labels, chosen = (mapping(one.spec.get("selector")) for one in (whole, part))
    further = {name: value for name, value in chosen.items() if name not in labels}
    if not labels or len(further) != 1 or not labels.items() <= chosen.items():
        return None
    return service_host(whole.name, whole.namespace), subset_name(str(next(iter(further.values()))))


def _redirect(given: Manifest) -> Manifest:
    path = mapping(given.get("path"))
    port = f":{given['port']}" if given.get("port") else ""
    scheme = f"{given['scheme']}://" if given.get("scheme") else ""
    where = f"{scheme}{given.get('hostname', '*' if scheme or port else '')}{port}"
    return {"authority": where, "uri": path.get("replaceFullPath") or path.get("replacePrefixMatch") or ""}
