"""Traces of the shop, well and badly ended, as Jaeger tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.cli.oncall.oncall_apis import span, trace

if TYPE_CHECKING:
    from collections.abc import Callable

IDS = [f"{number:032x}" for number in range(1, 20)]


def well(trace_id: str = IDS[0], *, slower_ms: float = 0, later_ms: float = 0, status: int = 200) -> dict[str, Any]:
    """A user is read; the database is what is slow."""
    told_no: dict[str, Any] = {"failed": True} if status == 404 else {}
    return trace(
        trace_id,
        span(
            "a1",
            "",
            "api-gateway",
            "GET /api/users/{id}",
            "server",
            0,
            20 + slower_ms,
            http__response__status_code=status,
        ),
        span(
            *("a2", "a1", "api-gateway", "GET /users/{id}", "client", 2, 16 + slower_ms),
            http__response__status_code=status,
            service__peer__name="user-service",
            **told_no,
        ),
        span(
            "b1",
            "a2",
            "user-service",
            "GET /users/{id}",
            "server",
            4,
            12 + slower_ms,
            http__response__status_code=status,
        ),
        span(
            *("b2", "b1", "user-service", "SELECT users", "client", 5, 9 + slower_ms),
            db__system__name="postgresql",
            server__address="postgres.shop.svc.cluster.local",
        ),
        later_ms=later_ms,
    )


def unpaid(trace_id: str = IDS[1], *, later_ms: float = 0) -> dict[str, Any]:
    """The payment service fails by itself; everybody above tells on."""
    failing = {"failed": True, "http__response__status_code": 500, "error__type": "500"}
    return trace(
        trace_id,
        span(
            *("a1", "", "api-gateway", "POST /api/orders", "server", 0, 60),
            failed=True,
            http__response__status_code=502,
            error__type="502",
        ),
        span(
            "a2", "a1", "api-gateway", "POST /orders", "client", 1, 58, service__peer__name="order-service", **failing
        ),
        span("o1", "a2", "order-service", "POST /orders", "server", 2, 56, **failing),
        span(
            *("o2", "o1", "order-service", "INSERT orders", "client", 3, 4),
            db__system__name="postgresql",
            server__address="postgres.shop.svc.cluster.local",
        ),
        span(
            "o3",
            "o1",
            "order-service",
            "POST /payments",
            "client",
            8,
            48,
            service__peer__name="payment-service",
            **failing,
        ),
        span(
            "p1",
            "o3",
            "payment-service",
            "POST /payments",
            "server",
            9,
            46,
            **{**failing, "error__type": "RuntimeError"},
        ),
        later_ms=later_ms,
    )


def unreachable(trace_id: str = IDS[2], *, later_ms: float = 0) -> dict[str, Any]:
    """Nobody answers at user-service's address."""
    return trace(
        trace_id,
        span(
            *("a1", "", "api-gateway", "GET /api/users/{id}", "server", 0, 12),
            failed=True,
            http__response__status_code=502,
            error__type="502",
        ),
        span(
            *("a2", "a1", "api-gateway", "GET /users/{id}", "client", 1, 10),
            failed=True,
            error__type="ConnectError",
            service__peer__name="user-service",
        ),
        later_ms=later_ms,
    )


def given_up(trace_id: str = IDS[3]) -> dict[str, Any]:
    """The caller's time is over while the callee still works."""
    return trace(
        trace_id,
        span(
            "a1",
            "",
            "api-gateway",
            "GET /api/users/{id}",
            "server",
            0,
            1005,
            failed=True,
            http__response__status_code=504,
        ),
        span(
            *("a2", "a1", "api-gateway", "GET /users/{id}", "client", 1, 1000),
            failed=True,
            error__type="ReadTimeout",
            service__peer__name="user-service",
        ),
        span("b1", "a2", "user-service", "GET /users/{id}", "server", 3, 3000, http__response__status_code=200),
    )


def meshed(make: Callable[[], dict[str, Any]] = well) -> dict[str, Any]:
    """A trace with a span of a proxy on either side of the call, as Istio's sidecars make them."""
    whole = make()
    caller = next(one for one in whole["spans"] if one["spanID"] == "a2")
    callee = next(one for one in whole["spans"] if one["spanID"] == "b1")
    for number, (like, parent, kind) in enumerate(((caller, "a2", "client"), (callee, "e1", "server")), 1):
        proxy = {**like, "spanID": f"e{number}", "operationName": "GET"}
        proxy["references"] = [{"refType": "CHILD_OF", "traceID": whole["traceID"], "spanID": parent}]
        proxy["tags"] = [
            *({"key": "span.kind", "type": "string", "value": kind},),
            *({"key": "otel_mesh.proxy", "type": "string", "value": "sidecar"},),
            *({"key": "server.address", "type": "string", "value": "user-service.shop.svc.cluster.local"},),
            *({"key": "http.response.status_code", "type": "int64", "value": 200},),
        ]
        whole["spans"].append(proxy)
    callee["references"] = [{"refType": "CHILD_OF", "traceID": whole["traceID"], "spanID": "e2"}]
    return whole
