"""B3: callers of a team's service that may send some requests only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_mesh import (
    AllowedCaller,
    Call,
    Caller,
    Catalog,
    InvalidSettingsError,
    IstioSettings,
    Operation,
    Platform,
    Service,
    Team,
    TeamGrants,
)
from otel_mesh.mesh.istio.binding import istio_binding

if TYPE_CHECKING:
    from tests.components.pulumi_program import Program

IMAGE: Final = "registry.example.com/reviews:1.0.0"
PLATFORM: Final = Platform(
    stack="organization/platform/dev",
    mesh=istio_binding(IstioSettings()),
    otlp_endpoint="http://otel-collector.observability.svc.cluster.local:4317",
    service_urls={},
    catalog=Catalog(name="shop", services=(Service(name="a", port=8080),)),
    grants=TeamGrants(environment="development", observability="observability"),
)
READS: Final = AllowedCaller(
    namespace="reviews", service_account="pages", routes=(Operation(methods=("GET",), path="/reviews/*"),)
)


def rules(program: Program, name: str) -> list[dict[str, Any]]:
    """Rules of the AuthorizationPolicy of a service."""
    program.kinds()
    (found,) = (
        one.inputs["spec"]["rules"]
        for one in program.mocks.registered
        if one.typ.endswith(":AuthorizationPolicy") and one.inputs["metadata"]["name"] == f"{name}-callers"
    )
    return list(found)


def test_a_caller_sends_its_routes_only(program: Program) -> None:
    team = Team("reviews", PLATFORM)
    writer = Caller(namespace="reviews", service_account="writer")
    team.service(Service(name="reviews", port=8080), image=IMAGE, callers=(READS, writer))
    first, second = rules(program, "reviews")
    assert first["to"] == [{"operation": {"methods": ["GET"], "paths": ["/reviews", "/reviews/*"], "ports": ["8080"]}}]
    assert second["to"] == [{"operation": {"ports": ["8080"]}}]


def test_a_caller_with_routes_is_a_caller_of_the_callee(program: Program) -> None:
    team = Team("reviews", PLATFORM)
    team.service(Service(name="reviews", port=8080), image=IMAGE, callers=(READS,))
    team.service(Service(name="pages", port=8081, calls=("reviews",)), image=IMAGE)
    assert program.kinds().count("Microservice") == 2


def test_grpc_callers_name_methods(program: Program) -> None:
    rpc = AllowedCaller(namespace="reviews", service_account="pages", routes=(Operation(rpc="reviews.v1.Reviews/Get"),))
    team = Team("reviews", PLATFORM)
    team.service(Service(name="reviews", port=8080, protocol="grpc"), image=IMAGE, callers=(rpc,))
    (rule,) = rules(program, "reviews")
    assert rule["to"][0]["operation"]["paths"] == ["/reviews.v1.Reviews/Get"]


def test_routes_that_the_caller_names_are_refused_as_the_callee_decides(program: Program) -> None:
    team = Team("reviews", PLATFORM)
    calls = (Call(service="a", routes=READS.routes),)
    with pytest.raises(InvalidSettingsError) as caught:
        team.service(Service(name="pages", port=8081, calls=calls), image=IMAGE)
    assert str(caught.value) == ("calls[0].routes: the callee decides what it accepts; name them in its 'callers'")
    assert "Microservice" not in program.kinds()
