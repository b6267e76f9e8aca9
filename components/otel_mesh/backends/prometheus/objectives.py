"""Service level objectives of the exposed services, recorded for rules/slo.rules.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, Field

from otel_mesh.core.values import Settings
from otel_mesh.k8s.manifests import to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE: Final = "objectives.rules.yaml"
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Bucket boundaries of ``http.server.request.duration`` in seconds: the semantic conventions' advice."""


def _is_boundary(seconds: float) -> float:
    if seconds not in _BUCKETS:
        known = ", ".join(f"{one:g}" for one in _BUCKETS)
        raise ValueError(f"is not a histogram bucket boundary; choose one of {known}")
    return seconds


Objective = Annotated[float, Field(ge=0.5, lt=1)]
"""Share of good requests; below one, because one would leave no error budget."""


class Objectives(Settings):
    """Service level objectives of every exposed service, over 30 days.

    Attributes:
        availability: Share of requests that succeed.
        latency: Share of requests that are answered within ``latency_seconds``.
        latency_seconds: Latency threshold in seconds; a boundary of the histogram buckets.
    """

    availability: Objective = 0.999
    latency: Objective = 0.99
    latency_seconds: Annotated[float, AfterValidator(_is_boundary)] = 0.5


def objective_rules(objectives: Objectives, exposed: Iterable[str]) -> dict[str, str]:
    """A rule file, name to text, that records the objectives as ``slo:objective:ratio``; none without services.

    Args:
        objectives: Objectives of each service.
        exposed: Values of ``job`` of the exposed services: ``namespace/name``.
    """
    kinds: dict[str, tuple[float, dict[str, str]]] = {
        "availability": (objectives.availability, {}),
        # Prometheus' text of a bucket boundary received by OTLP
        "latency": (objectives.latency, {"le": f"{objectives.latency_seconds:g}"}),
    }
    rules: list[dict[str, Any]] = []
    for job in exposed:
        namespace, _, name = job.rpartition("/")
        rules += [
            {
                "record": "slo:objective:ratio",
                "labels": {"service_namespace": namespace, "service_name": name, "objective": kind, **labels},
                "expr": f"vector({ratio:g})",
            }
            for kind, (ratio, labels) in kinds.items()
        ]
    return {FILE: to_yaml({"groups": [{"name": "objectives", "rules": rules}]})} if rules else {}
