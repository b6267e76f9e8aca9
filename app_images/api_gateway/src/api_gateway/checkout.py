"""What buyers get to see of an order: how long they wait, and how it ends; by variant of an experiment, by canary."""

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
    """The patience for an order, and its measurement.

    Args:
        patience: variant -> seconds that an order may take in all, over all services.
        experiment: that decides the variant; None for ``control`` always.
        meter_provider: where durations go.
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
            description="How long buyers waited for an order, by how it ended.",
            explicit_bucket_boundaries_advisory=DURATION_BOUNDARIES,
        )

    @property
    def seconds(self) -> float:
        """How long the current request's order may take."""
        return self._patience[self._variant()]

    def _variant(self) -> str:
        variant = None if self._experiment is None else self._experiment.variant()
        return CONTROL if variant is None else variant

    @contextmanager
    def measured(self, headers: Mapping[str, str]) -> Iterator[None]:
        """Measures an order: ``paid``, ``declined``, ``refused`` for what is no order, or ``failed``.

        Args:
            headers: of the request; the mesh's routes say in them whether it goes over a canary.
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
        told: dict[str, Any] = {}
        self._canary.describe(headers, get_current(), told)
        return "otel_mesh.canary.version" in told
