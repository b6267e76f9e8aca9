"""A/B experiments of the shop, defined once for all services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh_telemetry.ab_testing import ABTesting, Experiment

if TYPE_CHECKING:
    from service_kit.settings import Environment

CONTROL: Final = "control"
EXPERIMENT: Final = "experiment"
"""Names of the variants."""


def order_patience(environment: Environment) -> Experiment | None:
    """The experiment ``order-patience``: a shorter timeout for orders, which are then settled later; None if off.

    ORDER_PATIENCE_SHARE is the share of requests in variant ``experiment``; with 0, the default, the experiment is off.
    Requests with the same ``x-user-id`` always get the same variant.

    Raises:
        SettingsError: The share is invalid.
    """
    share = environment.number("ORDER_PATIENCE_SHARE", 0, low=0, high=1)
    if share == 0:
        return None
    return Experiment("order-patience", {CONTROL: 1 - share, EXPERIMENT: share})


def features(experiment: Experiment | None) -> list[ABTesting]:
    """Server features that assign requests to a variant, or keep the variant assigned by an upstream service."""
    return [] if experiment is None else [ABTesting(experiment)]
