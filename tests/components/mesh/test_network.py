"""B3: from a catalog's declared calls to NetworkPolicies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from otel_mesh import (
    Addresses,
    Catalog,
    Connection,
    NoMesh,
    Pods,
    declared_connections,
    dns_connections,
    mesh_connections,
    network_policies,
    service_pods,
    tcp,
    workload_pods,
)
from otel_mesh.catalog.versions import all_versions
from otel_mesh.k8s.network_policy import DEFAULT_DENY
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.mesh.istio.settings import IstioSettings
from otel_mesh.mesh.linkerd.binding import linkerd_binding
from otel_mesh.mesh.linkerd.settings import LinkerdSettings
from tests.components import golden_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_mesh.k8s.manifests import Manifest

CATALOG = Catalog.model_validate(
    {
        "name": "shop",
        "services": [
            {"name": "web", "port": 8080, "calls": ["users"], "external_calls": ["pay.example.com"], "exposed": True},
            {"name": "users", "port": 8081, "protocol": "grpc", "stores": ["cache"]},
            {"name": "lonely", "port": 8083},
        ],
        "stores": [{"name": "cache", "port": 6379, "system": "redis"}],
    }
)
BINDING = istio_binding(IstioSettings(trust_domain="mesh.example"))
PROMETHEUS = workload_pods("observability", "prometheus")


def policies(connections: Iterable[Connection], namespace: str = "shop") -> list[Manifest]:
    return network_policies(namespace, connections)


def workload(selector: Mapping[str, Any]) -> str:
    """Name of the workload that is selected, by one label; empty for all."""
    (name,) = selector.get("matchLabels", {"": ""}).values()
    return str(name)


def allowed(manifests: Iterable[Manifest], direction: str) -> set[tuple[str, str, int]]:
    """Triples of selected workload, workload at the other end and port."""
    side = "to" if direction == "egress" else "from"
    return {
        (workload(policy["spec"]["podSelector"]), workload(peer["podSelector"]), port)
        for policy in manifests
        for rule in policy["spec"].get(direction, ())
        for peer in rule.get(side, ())
        for port in (one["port"] for one in rule["ports"])
    }


def test_the_objects_are_as_reviewed() -> None:
    connections = (
        *dns_connections(["shop"], ["169.254.20.10/32"]),
        *mesh_connections(BINDING, ["shop"], PROMETHEUS),
        *declared_connections(CATALOG, "shop"),
        tcp(Addresses(), service_pods("shop", "web"), 8080),
        tcp(Pods(namespace_labels={"istio.io/rev": "default"}), service_pods("shop", "users"), 8081),
    )
    golden_files.compare(golden_files.GOLDEN / "policies" / "network.yaml", policies(connections))


def test_every_pod_is_denied_what_is_not_declared() -> None:
    (deny,) = (one for one in policies(()) if one["metadata"]["name"] == DEFAULT_DENY)
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


NAMES = ("a", "b", "c", "d")


@given(calls=st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda one: one[0] != one[1])))
def test_every_declared_call_and_no_other_is_allowed_at_both_ends(calls: set[tuple[str, str]]) -> None:
    services: list[dict[str, Any]] = [
        {"name": name, "port": 8080, "calls": sorted(callee for caller, callee in calls if caller == name)}
        for name in NAMES
    ]
    catalog = Catalog.model_validate({"name": "any", "services": services})
    made = policies(declared_connections(catalog, "shop"))
    assert allowed(made, "egress") == {(caller, callee, 8080) for caller, callee in calls}
    assert allowed(made, "ingress") == {(callee, caller, 8080) for caller, callee in calls}
    selected = [workload(one["spec"]["podSelector"]) for one in made]
    assert set(selected) <= {"", *NAMES}, "no policy selects nothing"
    assert len(selected) == len(set(selected)), "one policy for each workload"
    assert all(one["spec"]["policyTypes"] == ["Ingress", "Egress"] for one in made)


def test_all_versions_of_a_service_have_its_connections_and_none_has_two_policies() -> None:
    made = policies((*declared_connections(CATALOG, "shop"), tcp(Addresses(), service_pods("shop", "web"), 8080)))
    (web,) = (one for one in made if one["metadata"]["name"] == "web-connections")
    assert web["spec"]["podSelector"] == {"matchLabels": all_versions("web")}
    assert {"ports": [{"port": 8080, "protocol": "TCP"}]} in web["spec"]["ingress"]
    assert [one["metadata"]["name"] for one in made].count("web-connections") == 1


def test_a_host_outside_is_open_to_its_caller_only() -> None:
    made = {one["metadata"]["name"]: one["spec"] for one in policies(declared_connections(CATALOG, "shop"))}
    assert {"ports": [{"port": 443, "protocol": "TCP"}]} in made["web-connections"]["egress"]
    assert all("to" in rule for rule in made["users-connections"].get("egress", ()))
    assert "lonely-connections" not in made


def test_a_host_with_addresses_is_open_there_only() -> None:
    call = {"host": "db.example.com", "port": 5432, "protocol": "tcp", "addresses": ["192.0.2.7/32"]}
    catalog = Catalog.model_validate(
        {"name": "shop", "services": [{"name": "web", "port": 8080, "external_calls": [call]}]}
    )
    (_, policy) = policies(declared_connections(catalog, "shop"))
    (rule,) = policy["spec"]["egress"]
    assert rule == {"to": [{"ipBlock": {"cidr": "192.0.2.7/32"}}], "ports": [{"port": 5432, "protocol": "TCP"}]}


def test_the_port_that_a_proxy_adds_tls_to_is_the_one_that_is_open() -> None:
    call = {"host": "api.example.com", "port": 80, "protocol": "http", "tls_port": 443}
    catalog = Catalog.model_validate(
        {"name": "shop", "services": [{"name": "web", "port": 8080, "external_calls": [call]}]}
    )
    (_, policy) = policies(declared_connections(catalog, "shop"))
    assert policy["spec"]["egress"] == [{"ports": [{"port": 443, "protocol": "TCP"}]}]


def test_a_mesh_whose_proxies_take_connections_at_their_own_port_has_it_opened_between_pods() -> None:
    made = network_policies("shop", declared_connections(CATALOG, "shop"), [4143])
    assert ("users", "web", 4143) in allowed(made, "ingress")
    assert ("web", "users", 4143) in allowed(made, "egress")


def test_without_a_mesh_no_proxy_needs_anything() -> None:
    assert mesh_connections(NoMesh(), ["shop"], PROMETHEUS) == ()


def test_proxies_of_the_control_plane_are_scraped_as_those_of_services() -> None:
    linkerd = linkerd_binding(LinkerdSettings())
    scraped = [one.destination for one in mesh_connections(linkerd, ["shop"], PROMETHEUS) if one.source == PROMETHEUS]
    control = Pods(namespace="linkerd", labels={"linkerd.io/control-plane-ns": "linkerd"})
    assert scraped == [Pods(namespace="shop"), control]
    istio = mesh_connections(BINDING, ["shop"], PROMETHEUS)
    assert [one.destination for one in istio if one.source == PROMETHEUS] == [Pods(namespace="shop")]


@pytest.mark.parametrize("namespaces", [{}, {"namespace": "shop", "namespace_labels": {"team": "a"}}])
def test_namespaces_are_selected_in_one_way(namespaces: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="neither or both of name and labels are given"):
        Pods.model_validate(namespaces)


def test_a_range_with_host_bits_is_refused() -> None:
    with pytest.raises(ValidationError, match="is not an address range"):
        Addresses(cidrs=("10.0.0.1/8",))
