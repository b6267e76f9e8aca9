"""Environment variables of single services, from the stack's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otel_mesh_stack.model import StackSettings


_ORDERING: Final = ("api-gateway", "order-service")
"""Services with the experiment ``order-patience``."""


def variables_of(settings: StackSettings, service: str) -> dict[str, Any]:
    """Environment variables that only one service reads; empty for most services."""
    if service == "payment-service":
        return {"DEMONSTRATION_METHODS": "on" if settings.demonstration_payments else "off"}
    if service in _ORDERING and settings.order_patience_share > 0:
        return {"ORDER_PATIENCE_SHARE": f"{settings.order_patience_share:g}"}
    return {}
