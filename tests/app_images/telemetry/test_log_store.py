"""S2.11: logs sent to a real Collector are found in a real VictoriaLogs by trace id; both configured as deployed."""

from __future__ import annotations

import json
import re
import signal
import time
from typing import TYPE_CHECKING, Self

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from otel_mesh import OtelCollectorSettings, VictoriaLogsSettings, log_query
from otel_mesh.backends.victoria_logs import PAGE, victoria_logs_arguments
from otel_mesh.catalog.log_queries import STREAM_FIELDS, of_trace
from otel_mesh.collector.config import collector_config
from otel_mesh.collector.log_lines import MAX_ATTRIBUTE_BYTES, MAX_BODY_BYTES
from otel_mesh_embedded.toolchain import owner
from tests.app_images.telemetry.otlp_sending import log_request, record, send_log_request, send_records, trace_id
from tests.app_images.telemetry.sampling_tiers import on_loopback
from tests.components.scenarios import PERSISTENT
from tests.programs.victoria_logs import LoopbackVictoriaLogs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

    from tests.built import Built
    from tests.programs.collector import LoopbackCollector


TRACE, OTHER = 7, 8
DAY_S = 86400
LARGEST = VictoriaLogsSettings(
    storage=PERSISTENT, retention="52w", max_disk_usage="10Gi", flush_interval_seconds=3600, meshed=True
)
_AS_TOLD = {"3600s": "1h0m0s"}
"""Durations as Go writes them."""
SHOP = '{service.namespace="shop"}'


@pytest.fixture(scope="module")
def programs(built: Built) -> Path:
    return built("otelcol", "victoria-logs")


def collector(program: Path, folder: Path, logs: LoopbackVictoriaLogs) -> LoopbackCollector:
    """A Collector that passes logs on to the store, and nothing else on."""
    settings = OtelCollectorSettings.model_validate({"cluster_name": "test", "batching": {"timeout": "200ms"}})
    config = collector_config(settings, logs=True)
    config["exporters"] = {name: one for name, one in config["exporters"].items() if name == "otlp_http/logs"}
    config["service"]["pipelines"] = {"logs": config["service"]["pipelines"]["logs"]}
    config["service"]["telemetry"] = {"metrics": {"level": "none"}}
    return on_loopback(program, folder, config, {"LOGS_ENDPOINT": logs.otlp_url})


class Chain:
    """A Collector in front of a VictoriaLogs, both running."""

    def __init__(self, programs: Path, folder: Path, settings: VictoriaLogsSettings, *arguments: str) -> None:
        given = {one.partition("=")[0] for one in arguments}
        deployed = [one for one in victoria_logs_arguments(settings) if one.partition("=")[0] not in given]
        self.logs = LoopbackVictoriaLogs(programs / "victoria-logs", [*deployed, *arguments], folder / "logs")
        self.collector = collector(programs / "otelcol", folder / "collector", self.logs)

    def __enter__(self) -> Self:
        self.logs.start()
        self.collector.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.collector.__exit__(*error)
        self.logs.__exit__(*error)

    def settled(self, done: Callable[[], bool], seconds: float = 90) -> None:
        """Wait until the condition holds."""
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, f"{self.collector.log()}\n{self.logs.log()}"
            time.sleep(0.2)

    def kept(self, number: int, query: str = SHOP) -> list[dict[str, str]]:
        """So many lines, once they are there."""
        self.settled(lambda: len(self.logs.lines(query)) == number)
        return self.logs.lines(query)

    def written(self) -> bool:
        """Whether nothing is in memory only: neither lines nor the index by which their streams are found."""
        in_memory = self.logs.metric("vl_storage_rows", type="storage/inmemory") + self.logs.metric("vl_pending_rows")
        indexes = len(list(self.logs.data.glob("partitions/*/indexdb/*/metadata.json")))
        return in_memory == 0 and 0 < indexes == self.logs.metric("vl_indexdb_parts")


@pytest.fixture
def chain(programs: Path, tmp_path: Path) -> Iterator[Chain]:
    with Chain(programs, tmp_path, VictoriaLogsSettings()) as running:
        yield running


def resource(service: str, pod: str = "pod-1") -> dict[str, str]:
    return {
        "service.name": service,
        "service.namespace": "shop",
        "service.version": "1.2.3",
        "service.instance.id": f"{service}-{pod}",
        "deployment.environment.name": "test",
        "k8s.namespace.name": "shop",
        "k8s.pod.name": f"{service}-{pod}",
    }


def with_attributes(text: str, attributes: Mapping[str, str]) -> LogRecord:
    made = record(text)
    made.attributes.extend(KeyValue(key=key, value=AnyValue(string_value=one)) for key, one in attributes.items())
    return made


@pytest.mark.parametrize("settings", [VictoriaLogsSettings(), LARGEST], ids=["default", "large"])
def test_the_program_takes_its_arguments(programs: Path, tmp_path: Path, settings: VictoriaLogsSettings) -> None:
    arguments = victoria_logs_arguments(settings)
    with LoopbackVictoriaLogs(programs / "victoria-logs", arguments, tmp_path / "logs") as running:
        for argument in arguments:
            name, given, value = argument.removeprefix("-").partition("=")
            if name not in ("httpListenAddr", "storageDataPath"):
                assert running.metric("flag", name=name, is_set="true") == 1, argument
                told = _AS_TOLD.get(value, value) if given else "true"
                assert running.metric("flag", name=name, value=told) == 1, argument


def test_its_page_is_whole(chain: Chain) -> None:
    page = chain.logs.get(PAGE)
    parts = re.findall(r'(?:src|href)="\./([^"]+\.(?:js|css))"', page)
    assert {one.rpartition(".")[2] for one in parts} == {"js", "css"}
    for part in parts:
        assert chain.logs.get(f"{PAGE}{part}"), part


def test_the_program_would_refuse_a_wrong_argument(programs: Path, tmp_path: Path) -> None:
    wrong = [*victoria_logs_arguments(VictoriaLogsSettings()), "-retention=7d"]
    with pytest.raises(RuntimeError, match="flag provided but not defined: -retention"):
        LoopbackVictoriaLogs(programs / "victoria-logs", wrong, tmp_path / "logs").start()


def test_s2_11_lines_of_all_services_are_found_by_their_trace(chain: Chain) -> None:
    for number, service in enumerate(("api-gateway", "user-service"), start=1):
        for pod in ("pod-1", "pod-2"):
            send_records(
                chain.collector.port,
                resource(service, pod),
                record(f"{service} {pod} asked", TRACE, number),
                record(f"{service} other", OTHER, number),
                record(f"{service} started"),
            )
    chain.kept(12)

    both = chain.logs.lines(of_trace(trace_id(TRACE).hex()))
    assert {line["service.name"] for line in both} == {"api-gateway", "user-service"}
    assert len(both) == 4
    one = [line for line in both if line["service.name"] == "user-service"]
    assert [line["_msg"] for line in one] == ["user-service pod-1 asked", "user-service pod-2 asked"]
    assert (
        one[0].items()
        >= {
            "trace_id": trace_id(TRACE).hex(),
            "span_id": f"{2:016x}",
            "severity_text": "WARN",
            "http.route": "/users/{id}",
            "service.version": "1.2.3",
            "k8s.pod.name": "user-service-pod-1",
            "k8s.cluster.name": "test",
        }.items()
    )
    # the contract's query: within a trace, of that service only
    assert len(chain.logs.lines(log_query("user-service"))) == 4

    # streams grow with services, not with pods
    streams = chain.logs.streams(SHOP)
    assert len(streams) == 2
    assert all(name in stream for stream in streams for name in STREAM_FIELDS)
    assert not any("pod" in stream for stream in streams)


def test_a_line_is_what_was_logged_and_when(chain: Chain) -> None:
    text = 'Traceback (most recent call last):\n  File "a.py", line 1\n\tValueError: "ü" \\ {x}'
    lines = [record(text, TRACE), record("next"), record("")]
    for later, line in enumerate(lines):
        line.time_unix_nano = lines[0].time_unix_nano + later
    lines[1].severity_text = ""
    lines[1].severity_number = 17  # type: ignore[assignment]
    send_records(chain.collector.port, resource("api-gateway"), *reversed(lines))
    first, second, silent = chain.kept(3)
    assert first["_msg"] == text
    assert chain.logs.lines(f"{SHOP} ValueError") == [first]
    # a nanosecond apart, and in their order
    fractions = [one["_time"].rstrip("Z").partition(".")[2].ljust(9, "0") for one in (first, second, silent)]
    assert [int(one) for one in fractions] == [line.time_unix_nano % 10**9 for line in lines]
    assert second["severity_text"] == "Error"
    assert "_msg" not in silent


def test_a_structured_body_is_a_line_of_json_and_its_keys_mix_with_nothing(chain: Chain) -> None:
    values = {"event": "login", "service.name": "somebody else", "trace_id": "none"}
    pairs = [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in values.items()]
    structured = record("", TRACE)
    structured.body.CopyFrom(AnyValue(kvlist_value=KeyValueList(values=pairs)))
    send_records(chain.collector.port, resource("api-gateway"), structured)
    (line,) = chain.kept(1)
    assert json.loads(line["_msg"]) == values
    assert line["service.name"] == "api-gateway"
    assert line["trace_id"] == trace_id(TRACE).hex()
    (unpacked,) = chain.logs.lines(f"{SHOP} | unpack_json fields (event)")
    assert unpacked["event"] == "login"


def test_a_record_that_speaks_for_another_service_neither_does_nor_ends_the_store(chain: Chain) -> None:
    """The store itself would end each time it is sent: https://github.com/VictoriaMetrics/VictoriaLogs/issues/1628."""
    spoken = dict.fromkeys(STREAM_FIELDS, "somebody else")
    send_records(
        chain.collector.port, resource("api-gateway"), with_attributes("claims", {**spoken, "service.peer.name": "x"})
    )
    (line,) = chain.kept(1)
    assert {name: line[name] for name in STREAM_FIELDS} == {
        "service.namespace": "shop",
        "service.name": "api-gateway",
        "deployment.environment.name": "test",
        "k8s.cluster.name": "test",
        "k8s.namespace.name": "shop",
    }
    assert line["service.peer.name"] == "x"


def test_a_resource_that_says_something_twice_does_not_end_the_store_either(chain: Chain) -> None:
    request = log_request(resource("api-gateway"), record("said twice"))
    again = [("service.name", "somebody else"), ("k8s.cluster.name", "another"), ("k8s.cluster.name", "a third")]
    request.resource_logs[0].resource.attributes.extend(
        KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in again
    )
    send_log_request(chain.collector.port, request)
    (line,) = chain.kept(1)
    assert (line["service.name"], line["k8s.cluster.name"]) == ("api-gateway", "test")


def test_whatever_a_record_holds_the_store_goes_on(chain: Chain) -> None:
    def nested(*keys: str) -> AnyValue:
        value = AnyValue(string_value="somebody else")
        for key in reversed(keys):
            value = AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key=key, value=value)]))
        return value

    odd: list[tuple[str, AnyValue]] = [
        ("service", nested("name")),
        ("service", nested("namespace")),
        ("deployment", nested("environment", "name")),
        ("deployment.environment", nested("name")),
        ("k8s", nested("cluster", "name")),
        ("k8s.namespace", nested("name")),
        *(
            (name, AnyValue(string_value="odd"))
            for name in ("", "_msg", "_time", "_stream", "_stream_id", "trace_id", "é")
        ),
        ("list", AnyValue(array_value=ArrayValue(values=[nested("service", "name"), AnyValue(int_value=1)]))),
        ("bytes", AnyValue(bytes_value=b"\x00\xff")),
        ("nothing", AnyValue()),
    ]
    records = []
    for number, (key, value) in enumerate(odd):
        one = record(f"line {number}", TRACE)
        one.attributes.append(KeyValue(key=key, value=value))
        records.append(one)
    whole = record("all")
    whole.attributes.extend(KeyValue(key=key, value=value) for key, value in odd)
    request = log_request(resource("api-gateway"), *records, whole)
    send_log_request(chain.collector.port, request)
    of_all = log_request(resource("user-service"), record("of a resource"))
    of_all.resource_logs[0].resource.attributes.extend(KeyValue(key=key, value=value) for key, value in odd)
    send_log_request(chain.collector.port, of_all)
    lines = chain.kept(len(odd) + 2)
    assert {line["service.name"] for line in lines} == {"api-gateway", "user-service"}
    assert len(chain.logs.streams(SHOP)) == 2
    found = chain.logs.lines(f"{SHOP} service:*")
    assert json.loads(found[0]["service"]) == {"name": "somebody else"}


def test_the_store_alone_would_end_on_such_a_record(programs: Path, tmp_path: Path) -> None:
    """What the Collector is there for: once this fails, `otel_mesh.collector.log_lines` may do less."""
    arguments = victoria_logs_arguments(VictoriaLogsSettings())
    running = LoopbackVictoriaLogs(programs / "victoria-logs", arguments, tmp_path / "logs")
    with running:
        request = log_request(resource("api-gateway"), with_attributes("claims", {"service.name": "somebody else"}))
        with pytest.raises(OSError, match=r"closed|reset|refused"):
            running.push(request.SerializeToString())
    assert "stream tags must be sorted in alphabetical order" in running.log()


def test_neither_an_outage_nor_a_restart_of_the_store_loses_a_line(chain: Chain) -> None:
    send_records(chain.collector.port, resource("api-gateway"), record("before", TRACE))
    chain.kept(1)
    chain.logs.signal(signal.SIGTERM)
    send_records(chain.collector.port, resource("api-gateway"), record("meanwhile", TRACE))
    chain.settled(lambda: "connection refused" in chain.collector.log())
    chain.logs.start()
    found = chain.kept(2, of_trace(trace_id(TRACE).hex()))
    assert [line["_msg"] for line in found] == ["before", "meanwhile"]


def test_a_kill_loses_what_was_in_memory_only_and_nothing_else(programs: Path, tmp_path: Path) -> None:
    """S2.8: what `flush_interval_seconds` says. Of an hour here, so that it can be seen."""
    with Chain(programs, tmp_path, VictoriaLogsSettings(flush_interval_seconds=3600)) as running:
        send_records(running.collector.port, resource("api-gateway"), record("ended in order"))
        running.kept(1)
        assert not running.written()
        running.logs.signal(signal.SIGTERM)
        running.logs.start()
        assert [line["_msg"] for line in running.logs.lines(SHOP)] == ["ended in order"]

        send_records(running.collector.port, resource("api-gateway"), record("killed"))
        running.kept(2)
        running.logs.signal(signal.SIGKILL)
        running.logs.start()
        assert [line["_msg"] for line in running.logs.lines(SHOP)] == ["ended in order"]


def test_what_was_written_outlives_a_kill(chain: Chain) -> None:
    send_records(chain.collector.port, resource("api-gateway"), record("before"))
    chain.kept(1)
    chain.settled(chain.written)
    chain.logs.signal(signal.SIGKILL)
    chain.logs.start()
    assert [line["_msg"] for line in chain.logs.lines(SHOP)] == ["before"]
    send_records(chain.collector.port, resource("api-gateway"), record("after"))
    chain.kept(2)


def test_what_is_too_long_is_cut_and_kept(chain: Chain) -> None:
    long = with_attributes("ü" * 1_500_000, {"exception.stacktrace": "y" * 200_000})
    send_records(chain.collector.port, resource("api-gateway"), long, record("short"))
    first, second = chain.kept(2)
    assert first["_msg"] == "ü" * (MAX_BODY_BYTES // 2)
    assert first["exception.stacktrace"] == "y" * MAX_ATTRIBUTE_BYTES
    assert second["_msg"] == "short"


def test_without_room_on_the_disk_lines_wait_and_questions_are_answered(programs: Path, tmp_path: Path) -> None:
    with Chain(programs, tmp_path, VictoriaLogsSettings()) as running:
        send_records(running.collector.port, resource("api-gateway"), record("before"))
        running.kept(1)
        running.logs.signal(signal.SIGTERM)
    more_than_there_is = "-storage.minFreeDiskSpaceBytes=1000TiB"
    (tmp_path / "collector").rename(tmp_path / "former")
    with Chain(programs, tmp_path, VictoriaLogsSettings(), more_than_there_is) as full:
        full.settled(lambda: full.logs.metric("vl_storage_is_read_only") == 1)
        send_records(full.collector.port, resource("api-gateway"), record("meanwhile"))
        full.settled(lambda: "429" in full.collector.log())
        assert [line["_msg"] for line in full.logs.lines(SHOP)] == ["before"]
        assert full.logs.get("/health") == "OK"
        full.logs.signal(signal.SIGTERM)
        full.logs.change(more_than_there_is, "-storage.minFreeDiskSpaceBytes=1")
        full.logs.start()
        assert [line["_msg"] for line in full.kept(2)] == ["before", "meanwhile"]


def test_what_is_older_than_the_retention_is_deleted_and_not_taken(programs: Path, tmp_path: Path) -> None:
    old = record("old", age_seconds=3 * DAY_S)
    with Chain(programs, tmp_path, VictoriaLogsSettings(retention="5d")) as running:
        send_records(running.collector.port, resource("api-gateway"), old, record("new"))
        running.kept(2)
        running.logs.signal(signal.SIGTERM)
        running.logs.change("-retentionPeriod=120h", "-retentionPeriod=24h")
        assert len(list((running.logs.data / "partitions").iterdir())) == 2
        running.logs.start()
        running.settled(lambda: len(list((running.logs.data / "partitions").iterdir())) == 1)
        assert [line["_msg"] for line in running.logs.lines(SHOP)] == ["new"]
        send_records(running.collector.port, resource("api-gateway"), old)
        running.settled(lambda: running.logs.metric("vl_rows_dropped_total", reason="too_small_timestamp") == 1)


def test_more_than_the_disk_is_to_hold_ends_the_oldest_day_first(programs: Path, tmp_path: Path) -> None:
    settings = VictoriaLogsSettings(max_disk_usage="1")
    with Chain(programs, tmp_path, settings) as running:
        for age in (3, 1, 0):
            send_records(running.collector.port, resource("api-gateway"), record(f"{age}", age_seconds=age * DAY_S))
        running.settled(lambda: [line["_msg"] for line in running.logs.lines(SHOP)] == ["1", "0"], seconds=60)
        running.settled(lambda: len(list((running.logs.data / "partitions").iterdir())) == 2)


def test_its_own_metrics_tell_its_version(chain: Chain) -> None:
    assert chain.logs.metric("vm_app_version", short_version=owner("victoria-logs").version) == 1
