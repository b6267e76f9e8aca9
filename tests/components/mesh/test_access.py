"""B3: from a catalog's declared calls to the policies of a mesh."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from otel_mesh import Catalog, CollectorIdentity, InvalidSettingsError, NoMesh, Operation, TelemetrySendersArgs
from otel_mesh.catalog.versions import all_versions, one_version
from otel_mesh.mesh.control.telemetry_access import telemetry_senders_manifests
from otel_mesh.mesh.istio.access import DENY_ALL, access_policies
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.mesh.istio.settings import IstioSettings
from otel_mesh.mesh.policies.access import Access, Caller, Grant, declared_access
from tests.components import golden_files

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest

CATALOG = Catalog.model_validate(
    {
        "name": "shop",
        "services": [
            {"name": "web", "port": 8080, "calls": ["users", "orders"], "exposed": True},
            {"name": "users", "port": 8081, "protocol": "grpc", "stores": ["cache"]},
            {"name": "orders", "port": 8082, "calls": ["users"], "stores": ["database"]},
            {"name": "lonely", "port": 8083},
        ],
        "stores": [
            {"name": "database", "port": 5432, "system": "postgresql"},
            {"name": "cache", "port": 6379, "system": "redis"},
        ],
    }
)
GATEWAY = Caller(namespace="ingress", service_account="gateway")
BINDING = istio_binding(IstioSettings(trust_domain="mesh.example"))


def rendered(further: dict[str, list[Caller]] | None = None) -> list[Manifest]:
    return access_policies(declared_access(CATALOG, "shop", further), BINDING, "shop")


def allowed(policies: list[Manifest]) -> set[tuple[str, str, str]]:
    """Triples of principal, callee and port that some policy allows."""
    return {
        (principal, workload, port)
        for policy in policies
        if "selector" in policy["spec"]
        for workload in policy["spec"]["selector"]["matchLabels"].values()
        for rule in policy["spec"]["rules"]
        for source in rule["from"]
        for principal in source["source"]["principals"]
        for target in rule["to"]
        for port in target["operation"]["ports"]
    }


def test_the_policy_of_a_service_selects_all_of_its_versions() -> None:
    """By the one label that the pods of all versions have in common; stores have one version."""
    selected = {name: policy["spec"]["selector"]["matchLabels"] for name, policy in _by_name(rendered()).items()}
    assert selected["users-callers"] == all_versions("users")
    assert all_versions("users").items() <= one_version("users", "v2").items()
    assert selected["database-callers"] == {"app.kubernetes.io/instance": "database"}


def _by_name(policies: list[Manifest]) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in policies if "selector" in one["spec"]}


def test_the_objects_are_as_reviewed() -> None:
    golden_files.compare(golden_files.GOLDEN / "policies" / "access.istio.yaml", rendered({"web": [GATEWAY]}))


def test_declared_calls_are_allowed_and_nothing_else() -> None:
    def principal(account: str, namespace: str = "shop") -> str:
        return f"mesh.example/ns/{namespace}/sa/{account}"

    assert allowed(rendered({"web": [GATEWAY]})) == {
        (principal("gateway", "ingress"), "web", "8080"),
        (principal("web"), "users", "8081"),
        (principal("orders"), "users", "8081"),
        (principal("web"), "orders", "8082"),
        (principal("users"), "cache", "6379"),
        (principal("orders"), "database", "5432"),
    }


def test_what_nobody_calls_is_refused_to_all_by_the_namespace_policy() -> None:
    policies = {one["metadata"]["name"]: one for one in rendered()}
    assert policies[DENY_ALL]["spec"] == {}, "no selector: the whole namespace; no rule: nothing is allowed"
    assert "lonely-callers" not in policies
    assert "web-callers" not in policies, "exposed, but no gateway was named"


PATHS = ["/orders", "/orders/*"]


def test_operations_narrow_a_grant() -> None:
    """A path with all below it includes the path itself, which Istio's own pattern does not."""
    reads = Operation(methods=("GET", "HEAD"), path="/orders/*")
    access = Access(workload="orders", port=8082, grants=(Grant(callers=(GATEWAY,), operations=(reads,)),))
    (_, policy) = access_policies([access], BINDING, "shop")
    (rule,) = policy["spec"]["rules"]
    assert rule["to"] == [{"operation": {"methods": ["GET", "HEAD"], "paths": PATHS, "ports": ["8082"]}}]


def test_operations_on_a_store_are_refused() -> None:
    grant = Grant(callers=(GATEWAY,), operations=(Operation(),))
    with pytest.raises(ValidationError, match="grants: operations on a port that does not speak HTTP; remove"):
        Access(workload="database", port=5432, http=False, grants=(grant,))


@pytest.mark.parametrize(
    "path", ["orders", "/a b", "/*/a", "*", "/**", "/ord*", "/orders/{id}", "/a?b=c", "//a", "/a/../b", "/%61"]
)
def test_paths_the_mesh_would_match_differently_are_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        Operation(path=path)


def test_callers_of_a_service_missing_from_the_catalog_are_refused() -> None:
    with pytest.raises(InvalidSettingsError, match="wep: is not in the catalog"):
        declared_access(CATALOG, "shop", {"wep": [GATEWAY]})


NAMES = ("a", "b", "c", "d")


@given(calls=st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda one: one[0] != one[1])))
def test_the_allowed_pairs_are_the_declared_ones_for_any_catalog(calls: set[tuple[str, str]]) -> None:
    services: list[dict[str, Any]] = [
        {"name": name, "port": 8080, "calls": sorted(callee for caller, callee in calls if caller == name)}
        for name in NAMES
    ]
    catalog = Catalog.model_validate({"name": "any", "services": services})
    policies = access_policies(declared_access(catalog, "space"), BINDING, "space")
    found = {(principal.rpartition("/")[2], callee) for principal, callee, _ in allowed(policies)}
    assert found == calls
    principals = [principal for principal, _, _ in allowed(policies)]
    assert all(re.fullmatch(r"mesh\.example/ns/space/sa/[a-d]", one) for one in principals), "exact, never a pattern"


def test_a_team_s_senders_are_added_in_the_collector_s_namespace() -> None:
    collector = CollectorIdentity(namespace="observability", service_account="otel-collector")
    binding = istio_binding(IstioSettings(trust_domain="mesh.example"), collector=collector)
    sender = Caller(namespace="orders", service_account="order-service")
    args = TelemetrySendersArgs(mesh=binding, senders=(sender,))
    (policy,) = telemetry_senders_manifests("orders-telemetry", args)
    golden_files.compare(golden_files.GOLDEN / "policies" / "telemetry-senders.istio.yaml", [policy])
    assert policy["metadata"]["namespace"] == "observability"
    assert telemetry_senders_manifests("x", TelemetrySendersArgs(mesh=BINDING, senders=(sender,))) == [], "unchecked"
    assert telemetry_senders_manifests("x", TelemetrySendersArgs(mesh=NoMesh(), senders=(sender,))) == []
