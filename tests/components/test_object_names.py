"""Names of objects that can be given: two components of one namespace have no object in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_mesh import PrometheusMonitorsArgs, PrometheusMonitorsSettings, declared_connections, network_policies
from otel_mesh.backends.prometheus.operator import monitor_manifests
from otel_mesh.catalog.external import ExternalCall
from otel_mesh.mesh.istio.renderer import IstioRenderer
from otel_mesh.mesh.linkerd.egress import EVERY_HOST
from otel_mesh.mesh.linkerd.renderer import LinkerdRenderer
from otel_mesh.mesh.policies.egress import EXTERNAL, Egress
from tests.components.backend_scenarios import EGRESS
from tests.components.mesh.test_network import BINDING, CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.renderer import MeshRenderer


def names(manifests: Iterable[Manifest]) -> set[str]:
    return {f"{one['kind']}/{one['metadata']['name']}" for one in manifests}


def test_network_policies() -> None:
    connections = declared_connections(CATALOG, "shop")
    first = names(network_policies("shop", connections))
    second = names(network_policies("shop", connections, suffix="team", refuses_rest=False))
    assert second == {"NetworkPolicy/users-team", "NetworkPolicy/web-team", "NetworkPolicy/cache-team"}
    assert "NetworkPolicy/default-deny" in first
    assert not first & second


@pytest.mark.parametrize("mesh", [IstioRenderer(), LinkerdRenderer()])
def test_hosts_of_workloads(mesh: MeshRenderer) -> None:
    call = ExternalCall(host="api.example.com", port=80, protocol="http")

    def made(workload: str, prefix: str) -> set[str]:
        return names(mesh.egress([Egress(workload=workload, external=(call,))], BINDING, "shop", prefix=prefix))

    assert made("web", EXTERNAL) & made("users", "team") <= {f"EgressNetwork/{EVERY_HOST}"}
    assert any(one.partition("/")[2].startswith("team-api-example-com") for one in made("users", "team"))


def test_hosts_of_collectors() -> None:
    made = names(IstioRenderer().telemetry_egress("observability", EGRESS, prefix="team"))
    assert made == {"ServiceEntry/team-traces-example-com", "ServiceEntry/team-10-1-2-3"}


def test_objects_of_the_prometheus_operator() -> None:
    def made(prefix: str | None) -> set[str]:
        targets = {"jaeger": "jaeger.observability.svc.cluster.local:8888"}
        args = PrometheusMonitorsArgs(namespace="monitoring", targets=targets, prefix=prefix)
        return names(monitor_manifests(args, PrometheusMonitorsSettings()))

    assert "ServiceMonitor/team-jaeger" in made("team")
    assert not made(None) & made("team")
