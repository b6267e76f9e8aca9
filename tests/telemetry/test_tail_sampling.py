"""Which traces two tiers of real Collectors keep: all with errors, all slow ones, a share of the rest, each whole."""

from __future__ import annotations

import collections
import time
from typing import TYPE_CHECKING

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from local import toolchain
from otel_mesh import TailSamplerSettings
from tests.telemetry.sampling_tiers import Tiers, tiers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORDINARY = 400
RATIO = 0.25
SETTINGS = TailSamplerSettings(decision_wait_seconds=4, ordinary_ratio=RATIO, slow_ms=1000)
MS = 1_000_000


@pytest.fixture(scope="module")
def program() -> Path:
    return toolchain.ensure(("otelcol",)) / "otelcol"


@pytest.fixture
def running(program: Path, tmp_path: Path) -> Iterator[Tiers]:
    with tiers(program, tmp_path, SETTINGS) as started:
        yield started


def trace_id(number: int) -> bytes:
    """Spread like random ones: the samplers' hash is of the whole id."""
    return (number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128).to_bytes(16, "big")


def span(trace: int, number: int, *, milliseconds: int = 5, error: bool = False) -> Span:
    began = time.time_ns()
    return Span(
        trace_id=trace_id(trace),
        span_id=number.to_bytes(8, "big"),
        name=f"hop {number}",
        start_time_unix_nano=began,
        end_time_unix_nano=began + milliseconds * MS,
        status=Status(code=Status.STATUS_CODE_ERROR if error else Status.STATUS_CODE_UNSET),
    )


def send(tiers: Tiers, collector: int, service: str, *spans: Span) -> None:
    about = Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value=service))])
    scope = ScopeSpans(spans=spans)
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=about, scope_spans=[scope])])
    with grpc.insecure_channel(f"127.0.0.1:{tiers.collectors[collector].port}") as channel:
        TraceServiceStub(channel).Export(request, timeout=10)  # type: ignore[no-untyped-call]


def whole(tiers: Tiers) -> dict[bytes, list[int]]:
    """Trace -> how many of its spans each sampler kept."""
    found: dict[bytes, list[int]] = collections.defaultdict(lambda: [0, 0])
    for number, spans in enumerate(tiers.kept()):
        for one in spans:
            found[bytes.fromhex(one["traceId"])][number] += 1
    return found


FAILED, SLOW, LATE = 1_000_001, 1_000_002, 1_000_003


def test_s1_14_errors_and_slow_traces_are_kept_whole_and_a_share_of_the_others(running: Tiers) -> None:
    # every trace comes in two halves, through different Collectors
    for collector, service in enumerate(("api-gateway", "user-service")):
        numbers = (2 * collector + 1, 2 * collector + 2)
        ordinary = [span(trace, number) for trace in range(1, ORDINARY + 1) for number in numbers]
        failed = [span(FAILED, number, error=number == 3) for number in numbers]
        slow = [span(SLOW, number, milliseconds=1500 if number == 1 else 5) for number in numbers]
        late = [span(LATE, number) for number in numbers] if collector == 0 else []
        send(running, collector, service, *ordinary, *failed, *slow, *late)
    time.sleep(1.5)  # well within the decision's wait of 4 s
    send(running, 1, "user-service", span(LATE, 3, error=True), span(LATE, 4))

    wanted = {trace_id(trace) for trace in (FAILED, SLOW, LATE)}
    running.settled(lambda: wanted <= whole(running).keys())
    time.sleep(2)  # all came within a second or two, so what is not there by now was not kept
    found = whole(running)
    assert all(sorted(counts) == [0, 4] for counts in found.values()), "each trace whole, and by one sampler"
    kept = len(found.keys() - wanted)
    assert found.keys() - wanted <= {trace_id(trace) for trace in range(1, ORDINARY + 1)}
    # 100 of 400 are expected; with a standard deviation of 8.7 this is wrong once in a million ids (ours are fixed)
    assert 0.11 < kept / ORDINARY < 0.39
    by_sampler = [sum(counts[number] > 0 for counts in found.values()) for number in range(2)]
    assert min(by_sampler) > kept / 5, "both samplers have their part"


def test_spans_after_the_decision_follow_it(running: Tiers) -> None:
    send(running, 0, "api-gateway", span(FAILED, 1, error=True))
    running.settled(lambda: trace_id(FAILED) in whole(running))
    send(running, 1, "user-service", span(FAILED, 2))
    running.settled(lambda: sorted(whole(running)[trace_id(FAILED)]) == [0, 2])


def test_what_comes_before_the_samplers_do_is_kept_for_them(program: Path, tmp_path: Path) -> None:
    made = Tiers(program, tmp_path, SETTINGS)
    with made.collectors[0]:
        send(made, 0, "api-gateway", *(span(FAILED + number, 1, error=True) for number in range(20)))
        time.sleep(2)  # the first attempts fail: nobody listens
        with made.samplers[0], made.samplers[1]:
            made.settled(lambda: len(whole(made)) == 20)
