"""Callers with routes for tests: any that a mesh can tell apart."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from otel_mesh import Access, AllowedCaller, Caller, Operation
from otel_mesh.mesh.policies.access import grants

CALLERS: Final = tuple(Caller(namespace="shop", service_account=name) for name in ("web", "jobs", "reports"))

_METHODS = st.sets(st.sampled_from(["GET", "POST"]), max_size=2).map(lambda chosen: tuple(sorted(chosen)))
_PATHS = st.sampled_from(["", "/*", "/a", "/a/*", "/a/b", "/a/b/*", "/ab", "/livez"])
_RPCS = st.sampled_from(["shop.a.v1.Users/Get", "shop.a.v1.Users/*", "shop.b.v1.Orders/List"])


def _operations(*, grpc: bool) -> st.SearchStrategy[tuple[Operation, ...]]:
    one = st.builds(Operation, rpc=_RPCS) if grpc else st.builds(Operation, methods=_METHODS, path=_PATHS)
    # an operation that allows everything stands alone
    several = st.lists(one, max_size=3, unique=True).map(tuple)
    return several.filter(lambda chosen: len(chosen) <= 1 or Operation() not in chosen)


def callers(*, grpc: bool = False) -> st.SearchStrategy[list[AllowedCaller]]:
    """Callers, each with routes of its own or without any."""
    names: Any = st.sampled_from(CALLERS)
    routed = st.builds(
        lambda caller, routes: AllowedCaller(**caller.model_dump(), routes=routes), names, _operations(grpc=grpc)
    )
    return st.lists(routed, max_size=4)


@st.composite
def accesses(draw: st.DrawFn) -> Access:
    """Access to a service of HTTP."""
    return Access(workload="orders", port=8082, grants=grants(draw(callers())))


@st.composite
def grpc_accesses(draw: st.DrawFn) -> Access:
    """Access to a service of gRPC."""
    return Access(workload="users", port=8081, grpc=True, grants=grants(draw(callers(grpc=True))))
