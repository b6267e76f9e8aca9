"""B10: the shape of on-call answers as JSON, which programs rely on: fields may be added, never renamed or removed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli import main as commands
from otel_mesh_cli.oncall import stack_outputs
from otel_mesh_cli.oncall.stack_outputs import StackOutputs
from otel_mesh_stack import outputs
from otel_mesh_stack.services import CATALOG
from tests.cli.oncall import oncall_shop as shop
from tests.cli.oncall.kube_api_server import KubeApi, kubeconfig, serving
from tests.cli.oncall.oncall_apis import START_US, JaegerAnswers, vector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW_US = START_US + 60_000_000
WINDOW = {"since": "15m", "start_us": NOW_US - 15 * 60 * 1_000_000, "end_us": NOW_US}
LINE = {"_time": "2026-09-21T14:13:20.004Z", "_msg": "order accepted", "span_id": "o1"}


def counted(query: dict[str, str]) -> dict[str, Any]:
    edge = {"client": "api-gateway", "server": "user-service"}
    if "histogram_quantile" in query["query"]:
        return vector((edge, 0.25), ({"client": "api-gateway", "server": "order-service"}, float("nan")))
    return vector(
        ({**edge, "failed": "false"}, 3),
        ({**edge, "failed": "true"}, 1),
        ({"client": "api-gateway", "server": "order-service", "failed": "false"}, 2),
    )


@pytest.fixture(autouse=True)
def _cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    parts = {"jaeger": 16686, "prometheus": 9090, "logs": 9428}
    telemetry = {name: {"namespace": "seeing", "name": name, "port": port} for name, port in parts.items()}
    values = {outputs.TELEMETRY: telemetry, outputs.CATALOG: CATALOG.model_dump(mode="json")}
    monkeypatch.setattr(stack_outputs, "read", lambda stack, _context: StackOutputs(stack, values))
    monkeypatch.setattr(time, "time_ns", lambda: 1000 * NOW_US)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("NO_PROXY", "*")
    api = KubeApi(authorization=None)
    api.services = {
        "seeing/jaeger:16686": JaegerAnswers(
            [shop.well(), shop.unpaid(), shop.well(shop.IDS[5], status=404)]
        ).answers(),
        "seeing/prometheus:9090": {"api_v1_query": counted},
        "seeing/logs:9428": {"select_logsql_query": lambda _: json.dumps(LINE)},
    }
    with serving(api) as running:
        kubeconfig(tmp_path / "kubeconfig", f"http://127.0.0.1:{running.port}", {}, context="there")
        yield


@pytest.fixture
def asked(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def call(*words: str) -> Any:  # noqa: ANN401 -- JSON
        assert commands.main([*words, "--stack", "dev", "--context", "there", "--output", "json"]) == 0
        return json.loads(capsys.readouterr().out, parse_constant=pytest.fail)

    return call


def test_a_trace(asked: Callable[..., Any]) -> None:
    answer = asked("trace", shop.IDS[1])
    spans = answer.pop("spans")
    assert answer == {
        "trace_id": shop.IDS[1],
        "logs": [
            {"when_ns": 1000 * (START_US + 4000), "text": "order accepted", "fields": {"span_id": "o1"}},
        ],
        "logs_cut": False,
        "logs_error": None,
        "first_failure": {
            "culprit": "payment-service",
            "hop": "payment-service  POST /payments",
            "reason": "500 RuntimeError",
            "span_id": "p1",
        },
        "page": None,
    }
    assert [one["span_id"] for one in spans] == ["a1", "a2", "o1", "o2", "o3", "p1"]
    assert spans[3] == {
        "trace_id": shop.IDS[1],
        "span_id": "o2",
        "parent_id": "o1",
        "service": "order-service",
        "name": "INSERT orders",
        "start_us": START_US + 3000,
        "duration_us": 4000,
        "tags": {
            "span.kind": "client",
            "db.system.name": "postgresql",
            "server.address": "postgres.shop.svc.cluster.local",
        },
        "resource": {},
    }


def test_slow_requests(asked: Callable[..., Any]) -> None:
    assert asked("slow", "--service", "order-service", "--route", "/orders") == {
        "window": WINDOW,
        "service": "order-service",
        "operation": "POST /orders",
        "requests": [
            {
                "trace_id": shop.IDS[1],
                "service": "order-service",
                "name": "POST /orders",
                "start_us": START_US + 2000,
                "duration_us": 56_000,
                "outcome": "500",
                "failed": True,
                "hop": "payment-service  POST /payments",
                "hop_self_us": 46_000,
            }
        ],
    }


def test_errors(asked: Callable[..., Any]) -> None:
    assert asked("errors") == {
        "window": WINDOW,
        "service": None,
        "failed": 1,
        "rejected": 1,
        "most": None,
        "groups": [
            {
                "count": 1,
                "culprit": "payment-service",
                "reason": "500 RuntimeError",
                "hop": "payment-service  POST /payments",
                "newest": {
                    "trace_id": shop.IDS[1],
                    "service": "api-gateway",
                    "name": "POST /api/orders",
                    "outcome": "502",
                    "end_us": START_US + 55_000,
                    "page": None,
                },
            }
        ],
        "further_groups": 0,
    }


def test_the_map(asked: Callable[..., Any]) -> None:
    answer = asked("map")
    assert answer["window"] == WINDOW
    edges = {(one["caller"], one["callee"]): one for one in answer["edges"]}
    assert edges["api-gateway", "user-service"] == {
        "caller": "api-gateway",
        "callee": "user-service",
        "standing": "declared",
        "calls": 4.0,
        "failed": 1.0,
        "p95_s": 0.25,
    }
    assert edges["api-gateway", "order-service"]["p95_s"] is None, "JSON knows no number that is none"
    assert edges["order-service", "payment-service"]["standing"] == "silent"
    assert answer.keys() == {"window", "edges"}
