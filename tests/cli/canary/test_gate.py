"""B13: the gate of a canary: what it counts, by the real promtool, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh import Gate
from otel_mesh_cli.canary import measuring
from otel_mesh_cli.canary.judging import Outcome, judge
from otel_mesh_cli.canary.measuring import Measured
from tests.programs.command import output_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.built import Built

COUNT = "http_server_request_duration_seconds_count"
BUCKET = "http_server_request_duration_seconds_bucket"
WELL = Measured(requests=1000, errors=10, latency_s=0.1)


def series(name: str, values: str, version: str = "v2", **labels: str) -> dict[str, str]:
    own = {"service_name": "orders", "service_version": version, "instance": "one", **labels}
    matchers = ",".join(f'{key}="{value}"' for key, value in own.items())
    return {"series": f"{name}{{{matchers}}}", "values": values}


def expected(query: str, value: float) -> dict[str, Any]:
    return {"expr": query, "eval_time": "20m", "exp_samples": [{"labels": "{}", "value": value}]}


def test_b13_the_window_counts_what_new_series_begin_with_and_nothing_from_before(built: Built, tmp_path: Path) -> None:
    """``increase`` would leave out the 50 errors that a new version begins with."""
    gate = Gate(window="10m")
    version = "orders", "v2", gate
    case = {
        "evaluation_interval": "1m",
        "fuzzy_compare": True,
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    series(COUNT, "0+10x20", http_route="/a"),  # 200 in all, 100 of them in the window
                    series(COUNT, "_x15 50x5", http_route="/a", error_type="500"),
                    series(COUNT, "7x12 _x8", http_route="/a", instance="gone"),  # ended before the window
                    series(COUNT, "0+1000x20", version="v1"),
                    series(COUNT.replace("http", "rpc").replace("request", "call"), "_x15 3x5"),
                    series(BUCKET, "0+8x20", le="0.1"),
                    series(BUCKET, "0+10x20", le="0.2"),
                    series(BUCKET, "0+10x20", le="+Inf"),
                ],
                "promql_expr_test": [
                    expected(measuring.requests_query(*version), 153),
                    expected(measuring.errors_query(*version), 50),
                    expected(measuring.latency_query(*version), 0.175),
                    {"expr": measuring.requests_query("orders", "v3", gate), "eval_time": "20m", "exp_samples": []},
                ],
            }
        ],
    }
    file = tmp_path / "gate.test.yaml"
    file.write_text(yaml.safe_dump(case))
    output_of(built("promtool") / "promtool", "test", "rules", file)


@pytest.mark.parametrize(
    ("canary", "outcome", "reasons"),
    [
        (Measured(1000, 10, 0.1), Outcome.PASSED, ()),
        (Measured(1000, 20, 0.15), Outcome.PASSED, ()),  # just at both limits
        (Measured(99, 99, 9.0), Outcome.WAITING, ("the canary served 99 of 100 requests in 10m",)),
        (
            Measured(1000, 21, 0.1),
            Outcome.FAILED,
            ("2.1% of the canary's requests fail, above 2.0% (stable 1.0% + 1.0%)",),
        ),
        (
            Measured(1000, 10, 0.2),
            Outcome.FAILED,
            ("p95 of the canary is 200 ms, above 150 ms (stable 100 ms x 1.5)",),
        ),
    ],
)
def test_b13_a_gate_compares_the_canary_with_the_version_beside_it(
    canary: Measured, outcome: Outcome, reasons: tuple[str, ...]
) -> None:
    verdict = judge(Gate(), WELL, canary)
    assert (verdict.outcome, verdict.reasons) == (outcome, reasons)


def test_b13_without_stable_requests_errors_alone_decide() -> None:
    idle = Measured(0, 0, None)
    assert judge(Gate(), idle, Measured(100, 0, 5.0)).outcome is Outcome.PASSED
    assert judge(Gate(), idle, Measured(100, 2, 0.1)).outcome is Outcome.FAILED
