"""Problems of callers' routes, in the form of `tests.infra.mistakes`."""

from __future__ import annotations

from typing import Any, Final

from tests.infra.mistake import Mistake


def _caller(*routes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"namespace": "reports", "service_account": "daily", "routes": list(routes)}]


_ORDERS: Final = "services__order-service__callers"

ROUTES = (
    Mistake(
        "routes of a gRPC service by path, and of an HTTP service by gRPC method",
        {
            "services__user-service__callers": _caller({"methods": ["GET"], "path": "/users/*"}),
            _ORDERS: _caller({"rpc": "shop.order.v1.OrderService/List"}, {"path": "/orders"}, {"path": "/orders"}),
        },
        (
            (
                "services.user-service.callers[0].routes[0]: 'user-service' speaks gRPC, whose requests have no "
                "methods and paths of their own; name a method in 'rpc', such as shop.user.v1.UserService/GetUser"
            ),
            ("services.order-service.callers[0].routes[0].rpc: 'order-service' speaks HTTP; name 'methods' and 'path'"),
            "services.order-service.callers[0].routes[2]: is listed twice; remove one",
        ),
        in_editor=False,
    ),
    Mistake(
        "paths that meshes match differently",
        {_ORDERS: _caller({"path": "/orders/{id}"}, {"methods": ["FETCH"]})},
        (
            (
                "services.order-service.callers[0].routes[0].path: is not a path; write one such as /orders, or "
                "/orders/* for this path and all below it, without a query, placeholders in braces, and segments that "
                "are empty or dots"
            ),
            (
                "services.order-service.callers[0].routes[1].methods[0]: should be 'GET', 'HEAD', 'POST', 'PUT', "
                "'PATCH', 'DELETE' or 'OPTIONS'; choose one of them"
            ),
        ),
    ),
    Mistake(
        "routes without a mesh, which alone tells them apart",
        {_ORDERS: _caller({"path": "/orders/*"}), "mesh": {"kind": "none"}},
        (
            (
                "services.order-service.callers[0].routes: a stack without a mesh tells no routes apart; "
                "install a mesh, or remove it"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a route that makes the others pointless",
        {_ORDERS: _caller({"path": "/orders"}, {})},
        (
            (
                "services.order-service.callers[0].routes[1]: allows every request, the others listed add nothing; "
                "remove it, or the others"
            ),
        ),
        in_editor=False,
    ),
)
