"""What the smoke check does with an environment that answers as a running one does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from otel_mesh_cli.core import waiting
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.smoke import arrival, demonstration, order, request
from otel_mesh_cli.stacks import local_stack

if TYPE_CHECKING:
    from otel_mesh_cli.smoke.expected import Branch


def jaeger_trace(trace_id: str, tree: Branch, storing: frozenset[str]) -> dict[str, Any]:
    """A trace that is exactly the tree, as Jaeger returns it."""
    spans: list[dict[str, Any]] = []

    def add(service: str, parent: str, name: str, **tags: str) -> str:
        span_id = f"{len(spans):016x}"
        spans.append(
            {
                "traceID": trace_id,
                "spanID": span_id,
                "processID": service,
                "operationName": name,
                "references": [{"refType": "CHILD_OF", "spanID": parent}],
                "startTime": len(spans),
                "duration": 1,
                "tags": [{"key": key.replace("__", "."), "value": value} for key, value in tags.items()],
            }
        )
        return span_id

    def grow(branch: Branch, parent: str) -> None:
        proxy = {"otel_mesh__proxy": "sidecar"} if branch.proxy else {}
        span_id = add(branch.service, parent, branch.name or branch.kind, span__kind=branch.kind, **proxy)
        if branch.kind == "server" and not branch.proxy and branch.service in storing:
            add(branch.service, span_id, "SELECT", span__kind="client", db__system__name="postgresql")
        for child in branch.children:
            grow(child, span_id)

    grow(tree, "9" * 16)
    where = [{"key": key, "value": "x"} for key in request.K8S_ATTRIBUTES]
    names = {one["processID"] for one in spans}
    return {"spans": spans, "processes": {name: {"serviceName": name, "tags": where} for name in names}}


class Environment:
    """A running environment: what was asked of it, in order."""

    def __init__(self, *, metric_after: int = 0, storing: frozenset[str] = request.STORING) -> None:
        self.asked: list[str] = []
        self._ids: dict[str, str] = {}
        self._before_metric = metric_after
        self._storing = storing

    def __call__(self, asked: httpx.Request) -> httpx.Response:
        path = asked.url.path
        self.asked.append(f"{asked.method} {path}")
        if path in (request.PATH, order.PATH):
            self._ids[path] = asked.headers["traceparent"].split("-")[1]
            paid = asked.method == "POST"
            return httpx.Response(201 if paid else 200, json={"status": "paid", "order_id": 7})
        if path.startswith("/api/traces/"):
            return httpx.Response(200, json={"data": [self._trace(path.rpartition("/")[2])]})
        if path == "/api/v1/query_exemplars":
            self._before_metric -= 1
            labels = [] if self._before_metric >= 0 else [{"labels": {"trace_id": self._ids[request.PATH]}}]
            return httpx.Response(200, json={"data": [{"exemplars": labels}]})
        if path == "/api/v1/query":
            return httpx.Response(200, json={"data": {"result": [{"value": [0, "3"]}]}})
        return httpx.Response(200, text="ready")

    def _trace(self, trace_id: str) -> dict[str, Any]:
        proxies = local_stack.proxies()
        if trace_id == self._ids[request.PATH]:
            return jaeger_trace(trace_id, request.tree(proxies), self._storing)
        return jaeger_trace(trace_id, order.tree(proxies), order.STORING)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_POLL_S", 0)


def running(monkeypatch: pytest.MonkeyPatch, environment: Environment) -> None:
    monkeypatch.setattr(request, "client", lambda: httpx.Client(transport=httpx.MockTransport(environment)))


def test_both_requests_are_sent_before_any_telemetry_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Environment(metric_after=2)
    running(monkeypatch, environment)
    result = demonstration.run()
    assert (result.order.order_id, result.user.requests, result.order.paid) == (7, 3, 3)
    telemetry = [one for one in environment.asked if one.startswith(("GET /api/traces/", "GET /api/v1/"))]
    sent = [environment.asked.index(f"GET {request.PATH}"), environment.asked.index(f"POST {order.PATH}")]
    assert max(sent) < environment.asked.index(telemetry[0])
    assert environment.asked.count("GET /api/v1/query_exemplars") == 3, "this very request has to be counted"
    assert environment.asked.count(f"GET {request.PATH}") == environment.asked.count(f"POST {order.PATH}") == 1


def test_a_request_that_is_never_counted_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, Environment(metric_after=10**9))
    monkeypatch.setattr(request, "METRIC_DEADLINE_S", 0.05)
    with pytest.raises(CommandError, match="no exemplar of trace [0-9a-f]{32} in http_server_request_duration_seconds"):
        demonstration.run()


def test_a_trace_with_something_wrong_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, Environment(storing=frozenset()))
    monkeypatch.setattr(arrival, "TRACE_DEADLINE_S", 0.05)
    with pytest.raises(CommandError, match="trace [0-9a-f]{32}: missing a database span of user-service within"):
        demonstration.run()
