"""Switches of the platform's own services, from the stack's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_mesh_stack.model import StackSettings


def variables_of(settings: StackSettings, service: str) -> dict[str, Any]:
    """The environment variables of a service that only it knows; none for most."""
    if service == "payment-service":
        return {"DEMONSTRATION_METHODS": "on" if settings.demonstration_payments else "off"}
    return {}
