"""S1.7: contexts from callers: what is read, in which order, and what malformed input may cost."""

from __future__ import annotations

import struct
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_mesh_telemetry.propagation import DEFAULT, KNOWN, build_propagator, grpc_trace_bin, tracecontext
from tests.app_images.telemetry.passing_time import cpu_seconds

TRACE_ID = 0x4BF92F3577B34DA6A3CE929D0E0E4736
SPAN_ID = 0x00F067AA0BA902B7
W3C = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
LOW, HIGH = TRACE_ID & (2**64 - 1), TRACE_ID >> 64
EVERYTHING = build_propagator((*DEFAULT, "b3", "b3multi"))


def l5d(flags: int, *, high: int | None = HIGH, low: int = LOW, span: int = SPAN_ID) -> str:
    raw = struct.pack(">4Q", span, 0x1122, low, flags) + (struct.pack(">Q", high) if high is not None else b"")
    return b64encode(raw).decode()


def extract(carrier: dict[str, str], names: tuple[str, ...] = DEFAULT) -> SpanContext:
    return trace.get_current_span(build_propagator(names).extract(carrier, Context())).get_span_context()


def ids(span: SpanContext) -> tuple[int, int, bool]:
    return span.trace_id, span.span_id, bool(span.trace_flags & TraceFlags.SAMPLED)


def test_s1_7_w3c_comes_first_and_keeps_its_state() -> None:
    other = l5d(6, low=99, high=None, span=98)
    assert ids(extract({"traceparent": W3C, "l5d-ctx-trace": other})) == (TRACE_ID, SPAN_ID, True)
    state = extract({"traceparent": W3C, "tracestate": "vendor=value"}).trace_state
    assert state.get("vendor") == "value"
    assert extract({"traceparent": W3C}).is_remote


@pytest.mark.parametrize(
    ("flags", "rate", "sampled"),
    [
        (6, None, True),  # known and sampled
        (2, None, False),  # known and not
        (2, "1.0", False),  # the decision wins over the rate
        (1, None, True),  # debug
        (3, None, True),
        (0, None, False),
        (0, "1.0", True),
        (0, "7", True),
        (0, "0.0", False),
        (0, "-1", False),
        (0, "nan", False),
        (0, "lots", False),
        (0, str(LOW / 2**64 + 0.01), True),
        (0, str(LOW / 2**64 - 0.01), False),
    ],
)
def test_s1_7_linkerd_1_flags_and_rate(flags: int, rate: str | None, *, sampled: bool) -> None:
    carrier = {"l5d-ctx-trace": l5d(flags)} | ({"l5d-sample": rate} if rate else {})
    assert ids(extract(carrier)) == (TRACE_ID, SPAN_ID, sampled)


def test_s1_7_linkerd_1_continues_the_trace_with_32_and_40_bytes() -> None:
    assert ids(extract({"l5d-ctx-trace": l5d(6, high=None)})) == (LOW, SPAN_ID, True)
    unpadded = l5d(6).rstrip("=")
    assert ids(extract({"l5d-ctx-trace": unpadded})) == (TRACE_ID, SPAN_ID, True)
    provider = TracerProvider(shutdown_on_exit=False)
    context = build_propagator().extract({"l5d-ctx-trace": l5d(6)}, Context())
    span = provider.get_tracer("t").start_span("continued", context)
    assert span.get_span_context().trace_id == TRACE_ID
    span.end()


@pytest.mark.parametrize(
    "header",
    ["", "A", "=" * 44, "A" * 43 + "!", "A" * 44, "A" * 52, "ä" * 44, l5d(6)[:-1] + "*", l5d(6, span=0), l5d(6) * 2],
)
def test_s1_7_malformed_linkerd_headers_are_as_good_as_none(header: str) -> None:
    assert not extract({"l5d-ctx-trace": header}).is_valid


def test_s1_7_grpc_trace_bin_both_ways_and_with_fields_of_the_future() -> None:
    span = SpanContext(TRACE_ID, SPAN_ID, is_remote=True, trace_flags=TraceFlags(1))
    raw = grpc_trace_bin.encode(span)
    assert raw.hex() == "00004bf92f3577b34da6a3ce929d0e0e47360100f067aa0ba902b70201"
    assert ids(extract({"grpc-trace-bin": grpc_trace_bin.encode_text(span)})) == (TRACE_ID, SPAN_ID, True)
    assert grpc_trace_bin.decode(raw + b"\x07future") == span
    assert grpc_trace_bin.decode(raw[:-2]) is not None, "the options are optional"
    for malformed in (b"", b"\1" + raw[1:], raw[:10], b"\0\1" + bytes(8), bytes(300)):
        assert grpc_trace_bin.decode(malformed) is None


def test_s1_7_b3_only_when_configured() -> None:
    single = {"b3": f"{TRACE_ID:032x}-{SPAN_ID:016x}-1"}
    multi = {"x-b3-traceid": f"{TRACE_ID:032x}", "x-b3-spanid": f"{SPAN_ID:016x}", "x-b3-sampled": "1"}
    assert not extract(single).is_valid
    for carrier in (single, multi):
        assert ids(extract(carrier, ("tracecontext", "b3"))) == (TRACE_ID, SPAN_ID, True)
    span = trace.NonRecordingSpan(SpanContext(TRACE_ID, SPAN_ID, is_remote=False, trace_flags=TraceFlags(1)))
    written: dict[str, str] = {}
    build_propagator(("b3",)).inject(written, trace.set_span_in_context(span, Context()))
    assert written == single


def test_s1_7_baggage_w3c_first_then_headers() -> None:
    def entries(carrier: dict[str, str]) -> dict[str, object]:
        return dict(baggage.get_all(build_propagator().extract(carrier, Context())))

    assert entries({"baggage": "user.tier=gold;meta=1, ab.x=y%20z"}) == {"user.tier": "gold;meta=1", "ab.x": "y z"}
    assert entries({"baggage-tier": "gold", "baggage-ab.group": "control"}) == {"tier": "gold", "ab.group": "control"}
    assert entries({"baggage": "a=b", "baggage-tier": "gold"}) == {"a": "b"}
    assert entries({"baggage": "===", "baggage-tier": "gold"}) == {"tier": "gold"}
    assert entries({"baggage-bad name": "x", "baggage-": "x", "baggage-k": "a,b", "baggage-l": "x" * 300}) == {}
    assert len(entries({f"baggage-k{n}": "v" for n in range(100)})) == 32
    assert entries({"traceparent": W3C, "baggage-tier": "gold"}) == {"tier": "gold"}


def test_only_w3c_is_written_by_default() -> None:
    span = trace.NonRecordingSpan(SpanContext(TRACE_ID, SPAN_ID, is_remote=False, trace_flags=TraceFlags(1)))
    context = baggage.set_baggage("k", "v", trace.set_span_in_context(span, Context()))
    written: dict[str, str] = {}
    build_propagator().inject(written, context)
    assert written == {"traceparent": W3C, "baggage": "k=v"}
    assert build_propagator().fields == {"traceparent", "tracestate", "baggage"}


def test_propagators_by_name(caplog: pytest.LogCaptureFixture) -> None:
    nothing = build_propagator(("none",))
    assert nothing.extract({"traceparent": W3C, "baggage": "a=b"}, Context()) == Context()
    build_propagator(("tracecontext", "xray"))
    assert "'xray' ignored: unknown" in caplog.text
    for name in KNOWN:
        caplog.clear()
        build_propagator((name,))
        assert not caplog.text


HEX = st.text("0123456789abcdefABCDEFg-_+ ", max_size=40)
PARENTS = st.one_of(
    st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True),
    st.builds("{}-{}-{}-{}".format, HEX, HEX, HEX, HEX),
    st.text(max_size=80),
)


@given(PARENTS)
def test_the_short_way_reads_as_the_official_propagator_does(header: str) -> None:
    official = TraceContextTextMapPropagator().extract({"traceparent": header}, Context())
    expected = trace.get_current_span(official).get_span_context()
    quick = tracecontext.parse(header)
    assert quick is None or quick == expected
    found = extract({"traceparent": header})
    assert found == expected or not (found.is_valid or expected.is_valid)


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255))
def test_every_valid_traceparent_takes_the_short_way(trace_id: int, span_id: int, flags: int) -> None:
    found = tracecontext.parse(f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    assert found is not None
    assert (found.trace_id, found.span_id, int(found.trace_flags)) == (trace_id, span_id, flags)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_every_linkerd_header_round_trips_or_is_invalid(span: int, low: int, high: int, flags: int) -> None:
    found = extract({"l5d-ctx-trace": l5d(flags, high=high, low=low, span=span)})
    if span and (low or high):
        assert (found.trace_id, found.span_id) == (high << 64 | low, span)
    else:
        assert not found.is_valid


NAMES = st.sampled_from(sorted(EVERYTHING.reads | {"baggage-x", "baggage-", "Baggage-Y"}))
VALUES = st.one_of(st.text(max_size=200), st.binary(max_size=60).map(lambda raw: b64encode(raw).decode()), PARENTS)


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_nothing_a_caller_sends_raises(carrier: dict[str, str]) -> None:
    context = EVERYTHING.extract(carrier, Context())
    span = trace.get_current_span(context).get_span_context()
    assert span.is_valid or not span.trace_id
    assert len(baggage.get_all(context)) <= 180
    EVERYTHING.inject({}, context)


@pytest.mark.parametrize("name", sorted(EVERYTHING.reads | {"baggage-x"}))
@pytest.mark.parametrize("piece", ["a", "a=b,", "-", "00-", "=", ",", "%41", "é", '"', " "])
def test_cost_grows_with_length_at_most_linearly_and_is_bounded(name: str, piece: str) -> None:
    carrier = {name: piece * (1_000_000 // len(piece))}
    assert cpu_seconds(lambda: EVERYTHING.extract(carrier, Context())) < 0.1


def test_ids_of_the_sdk_survive_a_hop() -> None:
    generator = RandomIdGenerator()
    own = SpanContext(generator.generate_trace_id(), generator.generate_span_id(), False, TraceFlags(1))  # noqa: FBT003
    carrier: dict[str, str] = {}
    context = trace.set_span_in_context(trace.NonRecordingSpan(own), Context())
    build_propagator().inject(carrier, context)
    assert ids(extract(carrier)) == ids(own)
