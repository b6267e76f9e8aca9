"""Places at a gateway of the Gateway API that teams may serve, enforced by the API server.

A Gateway's listener admits routes by namespace and cannot restrict their hosts and paths: the route of one team could
take over the place of another, or of the platform. An admission policy refuses every route that goes beyond its grant.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from otel_mesh.mesh.gateway_api.kinds import GATEWAY, GATEWAY_API
from otel_mesh.mesh.gateway_api.routes import edge_metadata, route_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.binding import RouteParent
    from otel_mesh.mesh.policies.team_routes import TeamRoute

_ADMISSION: Final = "admissionregistration.k8s.io"
_PLACE: Final = "request.namespace"


def route_grants(parent: RouteParent, team_routes: Sequence[TeamRoute]) -> list[Manifest]:
    """The admission policy for HTTPRoutes of teams' namespaces at a gateway, and its binding; none without teams.

    Args:
        parent: Gateway object that the routes are attached to.
        team_routes: Places that services of teams' stacks may serve.
    """
    if not team_routes:
        return []
    meta = edge_metadata(f"{parent.namespace}-{parent.name}-routes", None)
    teams = list(dict.fromkeys(one.namespace for one in team_routes))
    policy: Manifest = {
        "apiVersion": f"{_ADMISSION}/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": meta,
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [GATEWAY_API],
                        "apiVersions": ["*"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["httproutes"],
                    }
                ]
            },
            "matchConditions": [
                {"name": "of-a-team", "expression": f"{_PLACE} in {json.dumps(teams)}"},
                {"name": "at-the-gateway", "expression": _attached(parent)},
            ],
            "validations": [
                {
                    "expression": " || ".join(_granted(parent, one) for one in team_routes),
                    "message": f"the platform grants no such route at the Gateway {parent.namespace}/{parent.name}: "
                    "have its owner add the host and path to mesh.team_routes",
                }
            ],
        },
    }
    binding: Manifest = {
        "apiVersion": f"{_ADMISSION}/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": meta,
        "spec": {"policyName": meta["name"], "validationActions": ["Deny"]},
    }
    return [policy, binding]


def _attached(parent: RouteParent) -> str:
    """Whether a route names the gateway; a reference without a namespace leads to the route's own."""
    # by key: `namespace` is a reserved word
    one = f'"namespace" in p && p["namespace"] == {json.dumps(parent.namespace)}'
    kind = f"(!has(p.kind) || p.kind == {json.dumps(GATEWAY.name)})"
    return (
        f"has(object.spec.parentRefs) && object.spec.parentRefs.exists(p, p.name == {json.dumps(parent.name)} && "
        f"{kind} && {one})"
    )


def _granted(parent: RouteParent, route: TeamRoute) -> str:
    """Whether a route stays within a grant."""
    name = json.dumps(route_name(route.service))
    conditions = [f"{_PLACE} == {json.dumps(route.namespace)}", f"object.metadata.name == {name}"]
    hosts = "object.spec.hostnames"
    if route.host is not None:
        conditions.append(f"has({hosts}) && {hosts}.size() == 1 && {hosts}[0] == {json.dumps(route.host)}")
    else:
        listed = json.dumps(list(parent.hosts))
        conditions.append(f"(!has({hosts}) || {hosts}.all(h, h in {listed}))" if parent.hosts else f"!has({hosts})")
    if route.path_prefix != "/":
        prefix = json.dumps(route.path_prefix)
        below = json.dumps(f"{route.path_prefix}/")
        path = f'has(m.path) && m.path.type in ["Exact", "PathPrefix"] && (m.path.value == {prefix} || '
        conditions.append(
            "has(object.spec.rules) && object.spec.rules.all(r, has(r.matches) && r.matches.size() > 0 && "
            f"r.matches.all(m, {path}m.path.value.startsWith({below}))))"
        )
    return f"({' && '.join(conditions)})"
