"""Declared calls of teams' services as Prometheus series, so that the service map knows them without a redeployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.catalog.model import OUTSIDE, Catalog, Service
from otel_mesh.k8s.manifests import to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DECLARED_CALL: Final = "otel_mesh:declared_call:info"
"""Series with the labels ``client`` and ``server`` of a call that a team's stack declares; the client of an exposed
service is ``user``."""


def declaration_rules(service: Service, namespace: str) -> dict[str, str]:
    """The rule file that records a service's declared calls, name to text.

    Args:
        service: The team's service.
        namespace: Namespace of the service.
    """
    edges = [(service.name, callee) for callee in service.callees]
    if service.exposed:
        edges.append((OUTSIDE, service.name))
    rules = [
        {
            "record": DECLARED_CALL,
            "expr": "vector(1)",
            "labels": {"client": client, "server": server, "k8s_namespace_name": namespace},
        }
        for client, server in edges
    ]
    return {"calls.rules.yaml": to_yaml({"groups": [{"name": "declared-calls", "rules": rules}]})} if rules else {}


def with_teams(catalog: Catalog, series: Iterable[Mapping[str, str]]) -> Catalog:
    """A platform's catalog with the services that teams' stacks declare.

    Args:
        catalog: The platform's own catalog.
        series: Labels of the series `DECLARED_CALL`.
    """
    calls: dict[str, list[str]] = {}
    exposed = set()
    for labels in series:
        client, server = labels.get("client", ""), labels.get("server", "")
        if client == OUTSIDE:
            exposed.add(server)
            calls.setdefault(server, [])
        else:
            calls.setdefault(client, []).append(server)
            calls.setdefault(server, [])
    own = {service.name for service in catalog.services}
    theirs = [
        Service(
            name=name,
            port=_UNKNOWN_PORT,
            calls=tuple(dict.fromkeys(one for one in sorted(callees))),
            exposed=name in exposed,
            path_prefix=f"/{name}",
        )
        for name, callees in sorted(calls.items())
        if name not in own
    ]
    return catalog.model_copy(update={"services": (*catalog.services, *theirs)})


_UNKNOWN_PORT: Final = 8080
"""Port of a team's service, which the service map does not show."""
