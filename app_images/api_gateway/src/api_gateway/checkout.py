"""Time limit and duration metric of orders, by outcome, experiment variant and canary."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Any

from opentelemetry.context import get_current

from otel_mesh_telemetry.http_metrics import DURATION_BOUNDARIES
from otel_mesh_telemetry.routing import Canary
from service_kit.experiments import CONTROL
from service_kit.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.metrics import MeterProvider

    from otel_mesh_telemetry.ab_testing import Experiment


class Checkout:
    """Time limit and duration metric of orders.

    Args:
        patience: Variant -> total time limit of an order in seconds, across all services.
        experiment: Experiment that selects the variant; None for ``control``.
        meter_provider: Provider of the meter.
    """

    def __init__(
        self, patience: Mapping[str, float], experiment: Experiment | None, meter_provider: MeterProvider
    ) -> None:
        self._patience = patience
        self._experiment = experiment
        self._canary = Canary()
        self._duration = meter_provider.get_meter("api_gateway").create_histogram(
            "shop.checkout.duration",
            unit="s",
            description="Duration of orders as seen by buyers, by outcome.",
            explicit_bucket_boundaries_advisory=DURATION_BOUNDARIES,
        )

    @property
    def seconds(self) -> float:
        """Time limit of the current request's order in seconds."""
        return self._patience[self._variant()]

    def _variant(self) -> str:
        variant = None if self._experiment is None else self._experiment.variant()
        return CONTROL if variant is None else variant

    @contextmanager
    def measured(self, headers: Mapping[str, str]) -> Iterator[None]:
        """Record an order's duration with its outcome: ``paid``, ``declined``, ``refused`` (invalid) or ``failed``.

        Args:
            headers: Headers of the request; the mesh's routes mark canary requests in them.
        """
        began, outcome = perf_counter(), "failed"
        try:
            yield
            outcome = "paid"
        except Problem as problem:
            if problem.status == HTTPStatus.PAYMENT_REQUIRED:
                outcome = "declined"
            elif problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                outcome = "refused"
            raise
        finally:
            about: dict[str, str | bool] = {
                "order.outcome": outcome,
                "otel_mesh.canary.routed": self._is_canary(headers),
            }
            if self._experiment is not None:
                about["feature_flag.key"] = self._experiment.name
                about["feature_flag.result.variant"] = self._variant()
            self._duration.record(perf_counter() - began, about)

    def _is_canary(self, headers: Mapping[str, str]) -> bool:
        attributes: dict[str, Any] = {}
        self._canary.describe(headers, get_current(), attributes)
        return "otel_mesh.canary.version" in attributes
