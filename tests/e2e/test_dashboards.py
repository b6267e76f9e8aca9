"""S2.3, S2.12 on the running environment: every dashboard query succeeds, and has data unless it may be empty.

Grafana itself is not available here; the queries are sent to Prometheus.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.stacks.addresses import PROMETHEUS
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from tests.components.backends.dashboard_queries import asked, texts
from tests.e2e import shop_traffic

if TYPE_CHECKING:
    import httpx

    from tests.components.backends.dashboard_queries import Asked

pytestmark = pytest.mark.e2e

DASHBOARDS = [json.loads(text) for text in texts().values()]
PATIENCE = 240.0
"""Timeout in seconds: services export every few seconds, rules run once a minute, a rate needs two samples."""
OF_A_MESH = {
    "mesh: $namespace",
    "mesh: Requests A",
    "mesh: Duration, 95th percentile A",
    "mesh: Calls A",
    "mesh: Scraped proxies A",
}
"""Queries that are empty only without a mesh; the other queries of its dashboard are about failures."""


def _must_answer(one: Asked) -> bool:
    ordered = one.place.startswith(("orders: ", "experiments: "))  # as the test does
    return not one.may_be_empty or ordered or (one.place in OF_A_MESH and stack_mesh().installed)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: str(one["uid"]))
def test_every_question_is_answered(http: httpx.Client, dashboard: dict[str, object]) -> None:
    waiting = list(asked(dashboard))
    end = time.monotonic() + PATIENCE
    while waiting:
        shop_traffic.send(http)
        still = []
        for one in waiting:
            answer = http.get(f"{PROMETHEUS.url}/api/v1/query", params={"query": one.expr})
            assert answer.status_code == 200, (one.place, answer.text)  # also for queries that may be empty
            if _must_answer(one) and not answer.json()["data"]["result"]:
                still.append(one)
        waiting = still
        assert not waiting or time.monotonic() < end, [(one.place, one.expr) for one in waiting]
        time.sleep(2 if waiting else 0)
