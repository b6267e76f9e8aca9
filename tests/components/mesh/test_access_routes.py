"""B3: callers that may send some requests only, in both meshes: what is declared is allowed, and nothing else."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from pydantic import ValidationError

from otel_mesh import Access, AllowedCaller, Caller, Catalog, Grant, InvalidSettingsError, Operation, declared_access
from otel_mesh.mesh.istio.access import access_policies as istio_policies
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.mesh.istio.settings import IstioSettings
from otel_mesh.mesh.linkerd.access import access_policies as linkerd_policies
from otel_mesh.mesh.policies.access import grants
from tests.components import golden_files
from tests.components.mesh.access_routes import CALLERS, accesses, callers
from tests.components.mesh.linkerd.scenarios import BINDING as LINKERD

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest

ISTIO: Final = istio_binding(IstioSettings(trust_domain="mesh.example"))
GOLDEN: Final = golden_files.GOLDEN / "policies"
CATALOG: Final = Catalog.model_validate(
    {
        "name": "shop",
        "services": [
            {
                "name": "web",
                "port": 8080,
                "calls": [
                    {"service": "users", "routes": [{"rpc": "shop.user.v1.UserService/GetUser"}]},
                    {"service": "orders", "routes": [{"methods": ["POST"], "path": "/orders"}]},
                ],
            },
            {"name": "users", "port": 8081, "protocol": "grpc"},
            {"name": "orders", "port": 8082, "calls": ["users"]},
        ],
    }
)
REPORTS: Final = AllowedCaller(
    namespace="reports",
    service_account="daily",
    routes=(Operation(methods=("GET", "HEAD"), path="/orders/*"),),
)
FURTHER: Final[dict[str, list[Caller]]] = {"orders": [REPORTS, Caller(namespace="ops", service_account="repair")]}


@pytest.mark.parametrize(
    ("mesh", "policies", "binding"), [("istio", istio_policies, ISTIO), ("linkerd", linkerd_policies, LINKERD)]
)
def test_the_objects_are_as_reviewed(mesh: str, policies: Any, binding: Any) -> None:  # noqa: ANN401 - of each mesh
    made = policies(declared_access(CATALOG, "shop", FURTHER), binding, "shop")
    golden_files.compare(GOLDEN / f"access-routes.{mesh}.yaml", made)


def test_callers_of_the_same_requests_share_a_grant() -> None:
    same = REPORTS.model_copy(update={"service_account": "weekly"})
    (grant,) = grants([REPORTS, same, same])
    assert [one.service_account for one in grant.callers] == ["daily", "weekly"]
    assert grant.operations == REPORTS.routes


REQUESTS: Final = tuple(
    product(("GET", "POST", "DELETE"), ("/", "/a", "/a/", "/ab", "/a/b", "/a/b/c", "/a/c", "/b", "/livez", "/readyz"))
)
"""Requests that tell the generated operations apart."""
PROBES: Final = {("GET", "/livez"), ("GET", "/readyz")}


def declared(access: Access, caller: Caller, method: str, path: str) -> bool:
    """Whether a grant allows a request: an independent statement of the rules."""

    def covers(one: Operation) -> bool:
        base = one.path.removesuffix("/*")
        below = one.path.endswith("/*") and (path == base or path.startswith(f"{base}/"))
        return (not one.methods or method in one.methods) and (not one.path or path == one.path or below)

    own = [grant for grant in access.grants if caller in grant.callers]
    return any(not grant.operations or any(map(covers, grant.operations)) for grant in own)


def istio_allows(policies: list[Manifest], caller: Caller, method: str, path: str) -> bool:
    """The decision of Istio's proxies: one rule that matches is enough."""

    def fits(pattern: str) -> bool:
        return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern

    principal = str(ISTIO.identity(caller.namespace, caller.service_account)).removeprefix("spiffe://")
    return any(
        principal in rule["from"][0]["source"]["principals"]
        and method in operation.get("methods", [method])
        and any(map(fits, operation.get("paths", [path])))
        for policy in policies
        for rule in policy["spec"].get("rules", [])
        for operation in (one["operation"] for one in rule["to"])
    )


def linkerd_allows(policies: list[Manifest], caller: Caller, method: str, path: str) -> bool:
    """The decision of Linkerd's proxies: the route that matches best, and who may send to it or to the Server."""

    def rank(match: dict[str, Any]) -> tuple[int, bool] | None:
        value = match["path"]["value"]
        prefix = value.rstrip("/")
        suffix = path.rstrip("/").removeprefix(prefix) if path.startswith(prefix) else "-"
        if match["path"]["type"] == "Exact":
            fits = path == value
        else:
            fits = value == "/" or not suffix or suffix.startswith("/")
        return (max(1, len(value)), "method" in match) if fits and match.get("method", method) == method else None

    def of(kind: str) -> dict[str, Any]:
        return {one["metadata"]["name"]: one["spec"] for one in policies if one["kind"] == kind}

    ranks = {
        (rank(match), name)
        for name, spec in of("HTTPRoute").items()
        for rule in spec["rules"]
        for match in rule["matches"]
    }
    best = max((one for one, _ in ranks if one is not None), default=None)
    chosen = {name for one, name in ranks if one == best} if best else set()
    assert len(chosen) == 1 or not of("HTTPRoute"), f"which of {chosen} is chosen for {path} is chance"
    identity, known = LINKERD.identity(caller.namespace, caller.service_account), of("MeshTLSAuthentication")
    for one in of("AuthorizationPolicy").values():
        target, (required,) = one["targetRef"], one["requiredAuthenticationRefs"]
        if target["kind"] == "Server" or target["name"] in chosen:
            anyone = required["kind"] == "NetworkAuthentication"
            if anyone or identity in known[required["name"]]["identities"]:
                return True
    return False


@given(accesses())
def test_exactly_the_declared_requests_are_allowed(access: Access) -> None:
    istio = istio_policies([access], ISTIO, "shop")
    try:
        linkerd = linkerd_policies([access], LINKERD, "shop")
    except InvalidSettingsError as error:
        assert "Linkerd cannot tell the two" in str(error)  # noqa: PT017 - refusing is right, too
        linkerd = None
    for caller, (method, path) in product(CALLERS, REQUESTS):
        wanted = declared(access, caller, method, path)
        assert istio_allows(istio, caller, method, path) == wanted, (caller, method, path)
        if linkerd is not None and (method, path) not in PROBES:
            assert linkerd_allows(linkerd, caller, method, path) == wanted, (caller, method, path)
        if linkerd is not None and (method, path) in PROBES and any(grant.operations for grant in access.grants):
            assert linkerd_allows(linkerd, caller, method, path), "the kubelet has no identity"


def test_what_linkerd_cannot_tell_apart_is_refused_with_the_nearest_it_can() -> None:
    first, second = CALLERS[:2]
    own = (
        Grant(callers=(first,), operations=(Operation(path="/orders"),)),
        Grant(callers=(second,), operations=(Operation(path="/orders/*"),)),
    )
    access = Access(workload="orders", port=8082, grants=own)
    assert istio_policies([access], ISTIO, "shop")
    with pytest.raises(InvalidSettingsError) as caught:
        linkerd_policies([access], LINKERD, "shop")
    assert str(caught.value) == (
        "orders.grants: the callers of '/orders' and '/orders/*' differ, and Linkerd cannot tell the two for '/orders'"
        "; let all of them send requests to '/orders/*', or name the paths below it"
    )


@given(callers())
def test_a_grant_names_every_caller_once(chosen: list[AllowedCaller]) -> None:
    made = grants(chosen)
    assert {(one, grant.operations) for grant in made for one in grant.callers} == {
        (one.identity, one.routes) for one in chosen
    }
    assert len({grant.operations for grant in made}) == len(made)


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ({"rpc": "a.B/C", "methods": ["GET"]}, "rpc: a gRPC method beside 'methods' or 'path'"),
        ({"rpc": "B.C"}, "is not a gRPC method; write one such as shop.user.v1.UserService/GetUser"),
        ({"rpc": "/a.B/C"}, "is not a gRPC method"),
        ({"path": "/orders/{id}"}, "is not a path; write one such as /orders, or /orders/"),
    ],
)
def test_operations_that_no_request_has_are_refused(operation: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Operation.model_validate(operation)


def test_operations_of_the_other_protocol_are_refused() -> None:
    rpc = Grant(callers=(CALLERS[0],), operations=(Operation(rpc="a.B/C"),))
    path = Grant(callers=(CALLERS[0],), operations=(Operation(path="/a"),))
    with pytest.raises(ValidationError, match=r"grants\[0\].operations\[0\].rpc: 'orders' speaks HTTP"):
        Access(workload="orders", port=8082, grants=(rpc,))
    with pytest.raises(ValidationError, match=r"grants\[0\].operations\[0\]: 'users' speaks gRPC"):
        Access(workload="users", port=8081, grpc=True, grants=(path,))
