"""Experiments of the shop: one definition for every service that a request reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh_telemetry.ab_testing import ABTesting, Experiment

if TYPE_CHECKING:
    from service_kit.settings import Environment

CONTROL: Final = "control"
EXPERIMENT: Final = "experiment"
"""The variants."""


def order_patience(environment: Environment) -> Experiment | None:
    """Whether buyers are better off when an order that takes long is given up sooner, and settled later.

    ORDER_PATIENCE_SHARE (0) is the share of requests in variant ``experiment``; with 0 there is no experiment. A
    request with ``x-user-id`` is always in the same one.

    Raises:
        SettingsError: the share is wrong.
    """
    share = environment.number("ORDER_PATIENCE_SHARE", 0, low=0, high=1)
    if share == 0:
        return None
    return Experiment("order-patience", {CONTROL: 1 - share, EXPERIMENT: share})


def features(experiment: Experiment | None) -> list[ABTesting]:
    """What has a service assign requests to a variant, or keep to the one that an earlier service chose."""
    return [] if experiment is None else [ABTesting(experiment)]
