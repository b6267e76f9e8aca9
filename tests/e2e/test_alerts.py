"""S2.10: the alert rules in the running Prometheus: all are evaluated, and none fires without a cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.core import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def rules(http: httpx.Client, settings: Mapping[str, str]) -> list[dict[str, Any]]:
    """All alert rules, after each has been evaluated."""

    def evaluated() -> list[dict[str, Any]] | None:
        answer = http.get(f"{settings['PROMETHEUS_URL']}/api/v1/rules", params={"type": "alert"}).json()
        found = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
        return found if all(rule["health"] != "unknown" for rule in found) else None

    return waiting.wait(evaluated, 150, lambda: "rules that were never evaluated", "see Prometheus' log")


def _firing(rules: list[dict[str, Any]]) -> Iterator[tuple[str, float]]:
    for rule in rules:
        for alert in rule["alerts"]:
            if alert["state"] == "firing":  # a proxy that an earlier test removed may be waiting
                yield f"{rule['name']} {alert['labels']}", float(alert["value"])


def test_every_rule_can_be_evaluated(rules: list[dict[str, Any]]) -> None:
    assert len(rules) > 10
    assert not [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] != "ok"]


def test_no_data_loss_alert_fires_without_a_loss(rules: list[dict[str, Any]]) -> None:
    """Regression: counters that start at 0 were mistaken for a first loss in the first minutes of an environment."""
    assert not [alert for alert, value in _firing(rules) if value == 0]
