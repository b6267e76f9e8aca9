from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from rich.console import Console

from otel_mesh_cli.core import embedded, waiting
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall import traces
from otel_mesh_cli.oncall.call_tree import CallTree
from otel_mesh_cli.oncall.picture import picture as drawn
from otel_mesh_cli.oncall.traces import Span
from otel_mesh_cli.smoke import arrival, request
from otel_mesh_cli.stacks.local_stack import NO_PROXIES

if TYPE_CHECKING:
    from collections.abc import Sequence

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
WHERE = dict.fromkeys(request.K8S_ATTRIBUTES, "x")


def span(span_id: str, parent: str | None, service: str, name: str, kind: str, **tags: Any) -> Span:  # noqa: ANN401
    start = int(span_id, 16) * 1000
    return Span(TRACE, span_id, parent, service, name, start, 9000 - start, {"span.kind": kind, **tags}, WHERE)


def demonstration() -> list[Span]:
    return [
        span("1", "99", "api-gateway", "GET /api/users/{id}", "server", **{"http.response.status_code": 200}),
        span("2", "1", "api-gateway", "GET", "client", **{"http.response.status_code": 200}),
        span("3", "2", "user-service", "GET /users/{id}", "server", **{"http.response.status_code": 200}),
        span("4", "3", "user-service", "SELECT users", "client", **{"db.system.name": "postgresql"}),
    ]


def picture(spans: list[Span]) -> str:
    console = Console(width=160, file=io.StringIO(), record=True)
    console.print(drawn(CallTree(spans)))
    return console.export_text()


def test_the_tree_shows_who_called_whom() -> None:
    assert picture(demonstration()).splitlines() == [
        f"trace {TRACE}  4 spans  8.0 ms",
        "└── api-gateway  GET /api/users/{id}  server  8.0 ms at +0.0  200",
        "    └── api-gateway  GET  client  7.0 ms at +1.0  200",
        "        └── user-service  GET /users/{id}  server  6.0 ms at +2.0  200",
        "            └── user-service  SELECT users  client  5.0 ms at +3.0  postgresql",
    ]


def test_a_proxy_s_span_is_marked_in_the_tree() -> None:
    spans = [span("1", None, "ingress", "GET", "server", **{"otel_mesh.proxy": "gateway"})]
    assert picture(spans).splitlines()[1] == "└── ingress (gateway)  GET  server  8.0 ms at +0.0"


def test_a_deep_trace_still_fits_on_a_screen() -> None:
    deep = [
        span(f"{depth:x}", f"{depth - 1:x}", "payment-service", "POST /payments", "server") for depth in range(1, 15)
    ]
    lines = picture(deep).splitlines()
    assert lines[1] == "└╴payment-service  POST /payments  server  8.0 ms at +0.0"
    assert lines[14].startswith(13 * "  " + "└╴payment-service")


def test_spans_without_their_parent_stand_side_by_side() -> None:
    spans = demonstration()
    del spans[1]
    assert [top.name for top in traces.roots(spans)] == ["GET /api/users/{id}", "GET /users/{id}"]
    assert picture(spans).count("\n├── ") == 1


def test_a_whole_trace_lacks_nothing() -> None:
    assert request.problems_in(demonstration(), NO_PROXIES) == []


def test_each_missing_part_is_named() -> None:
    whole = demonstration()
    below = "missing a server span of user-service below a client span of api-gateway"
    assert request.problems_in(whole[:2], NO_PROXIES) == [below, "missing a database span of user-service"]
    assert request.problems_in([whole[0], whole[2], whole[3]], NO_PROXIES) == [
        "missing a client span of api-gateway below a server span of api-gateway"
    ]
    somewhere = {key: "x" for key in WHERE if key != "k8s.pod.uid"}
    bare = Span(TRACE, "4", "3", "user-service", "bare", 0, 1, {"db.system.name": "postgresql"}, somewhere)
    assert request.problems_in([*whole[:3], bare], NO_PROXIES) == ["missing k8s.pod.uid on user-service bare"]


def test_jaegers_answer_is_read_with_resource_and_parents() -> None:
    answer = {
        "traceID": TRACE,
        "processes": {"p1": {"serviceName": "user-service", "tags": [{"key": "k8s.pod.name", "value": "u-1"}]}},
        "spans": [
            {
                "traceID": TRACE,
                "spanID": "b",
                "operationName": "SELECT users",
                "references": [{"refType": "CHILD_OF", "traceID": TRACE, "spanID": "a"}],
                "startTime": 2,
                "duration": 1,
                "tags": [{"key": "db.system.name", "value": "postgresql"}, {"key": "error", "value": True}],
                "processID": "p1",
            },
            {
                "traceID": TRACE,
                "spanID": "a",
                "operationName": "GET /users/{id}",
                "startTime": 1,
                "duration": 5,
                "tags": None,
                "processID": "p1",
            },
        ],
    }
    first, second = traces.parse(answer)
    assert (first.span_id, first.parent_id, first.kind) == ("a", None, "internal")
    assert (second.parent_id, second.is_database, second.failed) == ("a", True, True)
    assert second.resource == {"k8s.pod.name": "u-1"}


def repeated(*, times: int) -> list[Span]:
    """A request that a gateway sent so often."""
    tries = (
        span(f"{number + 2:x}", "1", "ingress", "HTTP", "client", **{"otel_mesh.proxy": "gateway"})
        for number in range(times)
    )
    return [span("1", None, "ingress", "GET", "server", **{"otel_mesh.proxy": "gateway"}), *tries]


def test_a_request_that_a_proxy_repeated_is_told_from_one_that_it_sent_once() -> None:
    assert traces.repeated(repeated(times=2))
    assert not traces.repeated(repeated(times=1))
    assert not traces.repeated(demonstration())
    # a service that calls another twice, on purpose
    assert not traces.repeated([*demonstration(), span("5", "1", "api-gateway", "GET", "client")])


def test_the_demonstration_asks_again_where_a_proxy_had_to_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"first": repeated(times=2), "second": repeated(times=2), "third": repeated(times=1)}
    monkeypatch.setattr(traces, "fetch", lambda _http, _url, trace_id: answers[trace_id])
    monkeypatch.setattr(arrival, "_SETTLING_S", 0)
    first, *more = answers
    again = iter(more)
    with httpx.Client() as http:
        assert arrival.traced(http, first, lambda: next(again), lambda _: []) == ("third", answers["third"])
        with pytest.raises(CommandError, match="retried 5 of 5 requests, the last in trace first"):
            arrival.traced(http, "first", lambda: "first", lambda _: ["everything"])


@pytest.fixture
def cause(monkeypatch: pytest.MonkeyPatch) -> list[CommandError]:
    """What is wrong with the environment, as `traced` finds it: nothing, until a test adds to it."""
    wrong: list[CommandError] = []

    class Environment:
        def explained(self, error: CommandError) -> CommandError:
            return [*wrong, error][0]

    monkeypatch.setattr(embedded, "local", Environment)
    return wrong


def test_a_request_is_sent_a_third_time_only_where_nothing_says_why_its_spans_are_lost(
    monkeypatch: pytest.MonkeyPatch, cause: list[CommandError]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(traces, "fetch", lambda _http, _url, _trace_id: ())
    monkeypatch.setattr(arrival, "_LOST_AFTER_S", 0.01)
    monkeypatch.setattr(arrival, "TRACE_DEADLINE_S", 0.5)
    monkeypatch.setattr(waiting, "_POLL_S", 0.01)

    def again() -> str:
        asked.append("again")
        return "next"

    with httpx.Client() as http:
        with pytest.raises(CommandError, match="trace next: did not arrive"):
            arrival.traced(http, "first", again, lambda _: [])
        assert len(asked) > 1
        asked.clear()
        cause.append(CommandError("Deployment observability/otel-collector: scaled to 0, not 1", remedy="see it"))
        with pytest.raises(CommandError, match="trace next: did not arrive"):
            arrival.traced(http, "first", again, lambda _: [])
        assert len(asked) == 1


@pytest.mark.usefixtures("cause")
def test_a_request_whose_spans_were_lost_is_sent_again_and_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after a restart, when a proxy does not reach the Collector yet."""
    answers = {"first": demonstration()[:-1], "second": demonstration()}
    monkeypatch.setattr(traces, "fetch", lambda _http, _url, trace_id: answers[trace_id])
    monkeypatch.setattr(arrival, "_LOST_AFTER_S", 0.2)

    def missing(spans: Sequence[Span]) -> list[str]:
        return [] if len(spans) == len(answers["second"]) else ["missing a span"]

    with httpx.Client() as http:
        assert arrival.traced(http, "first", lambda: "second", missing) == ("second", answers["second"])
        told = capsys.readouterr().err
        assert "trace first: missing a span" in told
        assert told.endswith("; sending the request again\n")
        monkeypatch.setattr(arrival, "TRACE_DEADLINE_S", 0.5)
        with pytest.raises(CommandError, match="trace first: missing a span"):
            arrival.traced(http, "first", lambda: "first", missing)
