"""S2.13, S2.12, S2.11: what a person on call reads, from APIs that answer as the real ones do."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh import Call, ExternalCall, VictoriaLogsSettings, service_edges
from otel_mesh.backends.victoria_logs import victoria_logs_arguments
from otel_mesh.catalog.log_queries import of_trace
from otel_mesh_cli import main as commands
from otel_mesh_cli.oncall import failures, service_map, slow, stack_outputs
from otel_mesh_cli.oncall.backends import at_address, loopback_client
from otel_mesh_cli.oncall.jaeger import Jaeger
from otel_mesh_cli.oncall.log_store import LogStore
from otel_mesh_cli.oncall.stack_outputs import StackOutputs
from otel_mesh_cli.stacks.addresses import JAEGER, LOGS, PROMETHEUS
from otel_mesh_stack import outputs
from otel_mesh_stack.services import CATALOG
from tests.app_images.telemetry.otlp_sending import log_request, record
from tests.cli.oncall import oncall_shop as shop
from tests.cli.oncall.oncall_apis import START_US, JaegerAnswers, api, span, trace, vector
from tests.programs.victoria_logs import LoopbackVictoriaLogs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_mesh import Catalog
    from otel_mesh_cli.oncall.traces import Span
    from otel_mesh_cli.stacks.addresses import Address
    from tests.built import Built

Said = tuple[int, str, str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command at a terminal's width; status, output, errors."""
    monkeypatch.setattr(time, "time_ns", lambda: 1000 * (START_US + 60_000_000))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()

    def call(*words: str, columns: int = 120) -> Said:
        monkeypatch.setenv("COLUMNS", str(columns))
        status = commands.main(list(words))
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


GATEWAY = {"namespace": "istio-ingress", "name": "ingress", "port": 80}


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Catalog], None]:
    """Give the stack the outputs of a deployment with a catalog; the platform's own at first."""

    def deploy(catalog: Catalog) -> None:
        values = {outputs.TELEMETRY: {"gateway": GATEWAY}, outputs.CATALOG: catalog.model_dump(mode="json")}
        monkeypatch.setattr(stack_outputs, "read", lambda stack, _context: StackOutputs(stack, values))

    deploy(CATALOG)
    return deploy


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, address: Address, answers: dict[str, Any]) -> Iterator[None]:
    with api(**answers) as port:
        monkeypatch.setenv(address.variable, str(port))
        yield


@pytest.fixture
def jaeger(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    def serve(*traces: dict[str, Any]) -> Any:  # noqa: ANN401
        return serving(monkeypatch, JAEGER, JaegerAnswers(traces).answers())

    return serve


LINES = (
    ("order-service", "00000000000000a1", "INFO", 4, "order accepted"),
    ("payment-service", "00000000000000b1", "ERROR", 12.5, "charge failed: no route\nto the bank"),
    ("api-gateway", "00000000000000c9", "WARN", 70, "slow client"),
)
"""Service, span, severity, milliseconds after `START_US` and text."""
SPANS = {"o1": "00000000000000a1", "p1": "00000000000000b1"}


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory, built: Built) -> Iterator[LoopbackVictoriaLogs]:
    """A VictoriaLogs with the lines of a trace, and others of its time."""
    program = built("victoria-logs") / "victoria-logs"
    ever = ("-retentionPeriod=100y", "-futureRetention=100y")
    deployed = [one for one in victoria_logs_arguments(VictoriaLogsSettings()) if "retentionPeriod" not in one]
    with LoopbackVictoriaLogs(program, [*deployed, *ever], tmp_path_factory.mktemp("logs")) as running:
        for service, span_id, severity, when_ms, text in LINES:
            line, other = record(text, 1), record("of another trace", 2)
            for one in (line, other):
                one.time_unix_nano = 1000 * (START_US + round(1000 * when_ms))
                one.severity_text = severity
            line.trace_id, line.span_id = bytes.fromhex(shop.IDS[1]), bytes.fromhex(span_id)
            # the newest first: nobody promises an order
            running.push(log_request({"service.name": service}, other, line).SerializeToString())
        yield running


def test_trace_shows_each_span_with_its_log_lines(
    run: Callable[..., Said],
    jaeger: Callable[..., Any],
    logs: LoopbackVictoriaLogs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(LOGS.variable, str(logs.port))
    with jaeger(named(shop.unpaid())):
        status, said, _ = run("trace", shop.IDS[1])
        link = f"{JAEGER.url}/trace/{shop.IDS[1]}"
    assert status == 0
    assert said.splitlines() == [
        f"trace {shop.IDS[1]}  6 spans  60.0 ms",
        "└── api-gateway  POST /api/orders  server  60.0 ms at +0.0  502",
        "    └── api-gateway  POST /orders  client  58.0 ms at +1.0  500",
        "        └── order-service  POST /orders  server  56.0 ms at +2.0  500",
        "            ├── 14:13:20.004 INFO order accepted",
        "            ├── order-service  INSERT orders  client  4.0 ms at +3.0  postgresql",
        "            └── order-service  POST /payments  client  48.0 ms at +8.0  500",
        "                └── payment-service  POST /payments  server  46.0 ms at +9.0  500 RuntimeError",
        "                    └── 14:13:20.012 ERROR charge failed: no route",
        "                        to the bank",
        "log lines outside these spans:",
        "14:13:20.070 WARN api-gateway: slow client",
        "failed first: payment-service in payment-service  POST /payments  500 RuntimeError",
        "logs: 3 lines",
        link,
    ]


def named(found: dict[str, Any]) -> dict[str, Any]:
    """The trace with ids of spans as OTLP has them."""
    text = json.dumps(found)
    for short, whole in SPANS.items():
        text = text.replace(f'"{short}"', f'"{whole}"')
    whole_trace: dict[str, Any] = json.loads(text)
    return whole_trace


def test_more_lines_than_are_asked_for_are_told(
    run: Callable[..., Said],
    jaeger: Callable[..., Any],
    logs: LoopbackVictoriaLogs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(LOGS.variable, str(logs.port))
    monkeypatch.setattr(LogStore, "LIMIT", 2)
    with jaeger(named(shop.unpaid())):
        _, said, _ = run("trace", shop.IDS[1])
    assert "logs: 2 lines, and more that were not requested" in said
    assert "order accepted" in said, "the first ones"
    assert "slow client" not in said


def test_times_are_read_to_the_nanosecond(logs: LoopbackVictoriaLogs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOGS.variable, str(logs.port))
    with loopback_client() as http:
        found = LogStore(at_address(http, LOGS)).lines(of_trace(shop.IDS[1]), START_US, START_US + 60_000)
    assert [line.when_ns - 1000 * START_US for line in found] == [4_000_000, 12_500_000]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({}, "answers 404"),
        ({"select_logsql_query": lambda _: {"data": []}}, "answers no log lines (KeyError)"),
        (None, "no answer (ConnectError)"),
    ],
    ids=["another-program", "another-store", "nobody"],
)
def test_trace_is_shown_where_logs_are_not_to_be_had(
    run: Callable[..., Said],
    jaeger: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    answers: dict[str, Any] | None,
    reason: str,
) -> None:
    with serving(monkeypatch, LOGS, answers or {}):
        url = LOGS.url
        if answers is not None:
            with jaeger(shop.well()):
                status, said, _ = run("trace", f"00-{shop.IDS[0]}-00f067aa0ba902b7-01")
    if answers is None:
        with jaeger(shop.well()):
            status, said, _ = run("trace", f"00-{shop.IDS[0]}-00f067aa0ba902b7-01")
    assert status == 0
    assert "user-service  SELECT users  client" in said
    assert "failed first" not in said
    assert f"logs: none, victoria-logs at {url}: {reason}" in said
    assert " ".join(said.split()).count("; see `otel-mesh status`") == 1


@pytest.mark.usefixtures("deployed")
def test_slow_names_the_hop_where_the_time_went(run: Callable[..., Said], jaeger: Callable[..., Any]) -> None:
    traces = [shop.well(shop.IDS[number], slower_ms=100 * number, later_ms=number) for number in range(5)]
    with jaeger(*traces, shop.unpaid(shop.IDS[9])):
        status, said, _ = run("slow", "--limit", "2", "--route", "/api/users/{id}", columns=80)
    assert status == 0
    assert said.splitlines() == [
        "slowest 2 of GET /api/users/{id} in the last 15m",
        "     420.0 ms  14:13:20  api-gateway  GET /api/users/{id}  200",
        "          97%  in user-service → postgres  SELECT users  409.0 ms self time",
        f"               otel-mesh trace {shop.IDS[4]}",
        "     320.0 ms  14:13:20  api-gateway  GET /api/users/{id}  200",
        "          97%  in user-service → postgres  SELECT users  309.0 ms self time",
        f"               otel-mesh trace {shop.IDS[3]}",
        "slowest hop in 2 of 2: user-service → postgres  SELECT users",
    ]


def test_slow_finds_old_slow_requests_behind_many_new_ones(
    run: Callable[..., Said], jaeger: Callable[..., Any]
) -> None:
    many = [
        shop.well(f"{number:032x}", slower_ms=5000 if number in (3, 7) else number % 50, later_ms=number)
        for number in range(1, 3 * Jaeger.PAGE)
    ]
    with jaeger(*many):
        _, said, _ = run("slow", "--service", "api-gateway", "--limit", "3")
    found = [line.split("trace ")[1] for line in said.splitlines() if "otel-mesh trace " in line]
    assert set(found[:2]) == {f"{3:032x}", f"{7:032x}"}
    assert len(found) == 3


def test_slow_asks_no_more_than_it_must() -> None:
    floors: list[int] = []

    def search(floor: int) -> list[list[Span]]:
        floors.append(floor)
        return []

    assert slow.slowest(search, lambda _: None, 5) == []
    assert floors == [0]


def test_errors_are_grouped_by_what_failed_first(run: Callable[..., Said], jaeger: Callable[..., Any]) -> None:
    unpaid = [shop.unpaid(shop.IDS[number], later_ms=number) for number in (1, 2, 3)]
    with jaeger(*unpaid, shop.unreachable(shop.IDS[5]), shop.well(shop.IDS[6], status=404), shop.well(shop.IDS[7])):
        status, said, _ = run("errors", columns=80)
        link = f"{JAEGER.url}/trace/"
        _, of_payment, _ = run("errors", "--service", "payment-service", "--limit", "1")
        _, of_two, _ = run("errors", "--limit", "1")
    assert status == 0
    assert said.splitlines() == [
        "4 failed traces in the last 15m",
        "    3 x  payment-service  500 RuntimeError",
        "         in payment-service  POST /payments",
        "         last 14:13:20 in api-gateway  POST /api/orders  502",
        f"         otel-mesh trace {shop.IDS[3]}",
        f"         {link}{shop.IDS[3]}",
        "    1 x  user-service  ConnectError, no span of the callee",
        "         in api-gateway → user-service  GET /users/{id}",
        "         last 14:13:20 in api-gateway  GET /api/users/{id}  502",
        f"         otel-mesh trace {shop.IDS[5]}",
        f"         {link}{shop.IDS[5]}",
        "not counted: 1 trace with responses below 500, such as 404",
    ]
    assert of_payment.splitlines()[0] == "3 failed traces through payment-service in the last 15m"
    assert "not counted" not in of_payment
    assert "and 1 more groups: --limit 2" in of_two


def test_errors_are_found_behind_many_good_requests(run: Callable[..., Said], jaeger: Callable[..., Any]) -> None:
    good = [shop.well(f"{number:032x}", later_ms=10 * number) for number in range(100, 100 + 4 * Jaeger.PAGE)]
    with jaeger(shop.unpaid(), *good):
        _, said, _ = run("errors")
    assert "1 failed trace in the last 15m" in said
    assert shop.IDS[1] in said


def test_errors_say_when_not_all_were_looked_at(
    run: Callable[..., Said], jaeger: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "MOST", 50)
    good = [shop.well(f"{number:032x}", later_ms=10 * number) for number in range(100, 100 + 4 * Jaeger.PAGE)]
    with jaeger(*good):
        _, said, _ = run("errors")
    assert "0 failed traces in the last 15m, among the newest 50 of each service" in said


def counted(pair: tuple[str, str], calls: float, failed: float = 0) -> list[tuple[dict[str, str], float]]:
    labels = {"client": pair[0], "server": pair[1]}
    good = [({**labels, "failed": "false"}, calls - failed)]
    return good + ([({**labels, "failed": "true"}, failed)] if failed else [])


def prometheus(*edges: list[tuple[dict[str, str], float]]) -> Callable[[dict[str, str]], dict[str, Any]]:
    samples = [sample for edge in edges for sample in edge]

    def answer(query: dict[str, str]) -> dict[str, Any]:
        if "histogram_quantile" not in query["query"]:
            return vector(*samples)
        seconds = 0.0234 if "request_client" in query["query"] else 0.5
        return vector(*(({"client": one["client"], "server": one["server"]}, seconds) for one, _ in samples))

    return answer


def test_map_compares_each_edge_with_the_catalog_that_was_deployed(
    run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, deployed: Callable[[Catalog], None]
) -> None:
    gateway = CATALOG.service("api-gateway").model_copy(update={"calls": (Call(service="user-service"),)})
    users = CATALOG.service("user-service").model_copy(
        update={"calls": (), "stores": ("postgres",), "external_calls": (ExternalCall(host="mail.example"),)}
    )
    deployed(CATALOG.model_copy(update={"services": (gateway, users)}))
    answer = prometheus(
        counted(("user", "api-gateway"), 900),
        counted(("api-gateway", "user-service"), 900, failed=9),
        counted(("api-gateway", "postgres"), 2),
        counted(("user-service", "postgresql"), 1),
        counted(("user-service", "external"), 1),
    )
    with serving(monkeypatch, PROMETHEUS, {"api_v1_query": answer}):
        status, said, _ = run("map", columns=80)
    assert status == 0
    assert [line.split() for line in said.splitlines()[:8]] == [
        ["calls", "of", "the", "last", "15m"],
        ["caller", "callee", "calls", "per", "s", "failed", "p95", "catalog"],
        ["user", "api-gateway", "900", "1.00", "0.0%", "500.0", "ms", "entrance"],
        ["api-gateway", "postgres", "2", "0.00", "0.0%", "23.4", "ms", "UNDECLARED"],
        ["api-gateway", "user-service", "900", "1.00", "1.0%", "23.4", "ms", "declared"],
        ["user-service", "external", "1", "0.00", "0.0%", "23.4", "ms", "declared"],
        ["user-service", "postgres", "1", "0.00", "0.0%", "23.4", "ms", "declared"],
        ["not", "declared", "in", "the", "catalog:", "api-gateway", "→", "postgres"],
    ]
    assert all(len(line) <= 80 for line in said.splitlines())


@pytest.mark.usefixtures("deployed")
def test_map_marks_edges_that_nobody_used(run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(monkeypatch, PROMETHEUS, {"api_v1_query": lambda _: vector()}):
        status, said, _ = run("map")
    assert status == 0
    told = " ".join(said.split())
    for caller, callee in service_edges(CATALOG):
        assert f"{caller} → {callee}" in told.partition("declared, not called: ")[2]
    assert "no calls counted" in said
    assert "UNDECLARED" not in said


def test_a_mesh_s_gateway_is_an_entrance() -> None:
    found = [(("user", "ingress"), 1.0, 0.0, 0.1), (("ingress", "api-gateway"), 1.0, 0.0, 0.1)]
    found += [(("ingress", "user-service"), 1.0, 0.0, 0.1), (("user", "user-service"), 1.0, 0.0, 0.1)]
    standing = {
        (edge.caller, edge.callee): edge.standing.value for edge in service_map.compared(found, CATALOG, ("ingress",))
    }
    assert standing["user", "ingress"] == standing["ingress", "api-gateway"] == "entrance"
    assert standing["ingress", "user-service"] == standing["user", "user-service"] == "UNDECLARED"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trace"], "trace id: not given; give the 32 hexadecimal digits of a log line"),
        (["trace", "xyz"], "xyz: not a trace id; give the 32 hexadecimal digits"),
        (["trace", "0" * 32], f"{'0' * 32}: not a trace id; give"),
        (["trace", "f" * 32], f"{'f' * 32}: Jaeger has no such trace; it may be unsampled"),
        (["slow", "--since=yesterday"], "--since yesterday: not a duration; give one from 1s to 30d"),
        (["slow", "--since=31d"], "--since 31d: not a duration"),
        (["map", "--since="], "--since : not a duration"),
        (["slow", "--service=user-servise"], "did you mean 'user-service'?"),
        (["errors", "--service=nobody"], "--service nobody: Jaeger has no spans of it; "),
        (
            ["slow", "--route=/nowhere"],
            "--route /nowhere: not a route of api-gateway; give one of: GET /api/users/{id}",
        ),
        (["slow", "--since=1s"], "requests of api-gateway: none in the last 1s; look further back: --since 1d"),
    ],
)
@pytest.mark.usefixtures("deployed")
def test_what_can_not_be_asked_is_one_line_and_status_2(
    run: Callable[..., Said], jaeger: Callable[..., Any], words: list[str], said: str
) -> None:
    with jaeger(shop.well()):
        status, out, error = run(*words)
    assert (status, out) == (2, "")
    assert len(error.splitlines()) == 1
    assert error.startswith("otel-mesh: ")
    assert said in error


@pytest.mark.parametrize("command", ["trace " + shop.IDS[0], "slow", "errors", "map"])
@pytest.mark.parametrize("answer", [500, "gone"])
@pytest.mark.usefixtures("deployed")
def test_a_store_that_does_not_answer_is_one_line_and_status_2(
    run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, command: str, answer: object
) -> None:
    def say(_: dict[str, str]) -> object:
        return answer

    place = PROMETHEUS if command == "map" else JAEGER
    paths = ("api_services", f"api_traces_{shop.IDS[0]}", "api_v1_query")
    with serving(monkeypatch, place, dict.fromkeys(paths, say)):
        url = place.url
        if answer == 500:
            status, _, error = run(*command.split())
    if answer != 500:
        status, _, error = run(*command.split())
    assert status == 2
    assert error.startswith(f"otel-mesh: {place.name} at {url}: ")
    assert ("answers 500" if answer == 500 else "no answer (ConnectError)") in error
    assert error.endswith("see `otel-mesh status`\n")


def test_proxies_spans_are_no_request_of_their_own(run: Callable[..., Said], jaeger: Callable[..., Any]) -> None:
    with jaeger(shop.meshed()):
        _, said, _ = run("slow", "--service", "user-service")
        _, whole, _ = run("trace", shop.IDS[0], columns=120)
    assert "slowest 1 of requests of user-service" in said
    assert "user-service  GET /users/{id}  200" in said
    assert "user-service (sidecar)  GET  server" in whole


def test_a_trace_without_its_root_and_with_one_span_is_shown(
    run: Callable[..., Said], jaeger: Callable[..., Any]
) -> None:
    lone = trace(shop.IDS[0], span("b2", "b1", "user-service", "SELECT users", "client", 5, 0, failed=True))
    with jaeger(lone):
        assert run("trace", shop.IDS[0])[0] == 0
        _, said, _ = run("errors")
    assert "1 x  unknown  error, no span of the callee" in said
    assert "in user-service → unknown  SELECT users" in said
