"""What must hold for any headers at all; run by a coverage-guided fuzzer, and over its corpus by pytest.

An input is lines of ``name: value`` in latin-1, as headers come off the wire.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opentelemetry import baggage, trace
from opentelemetry.context import Context

from otel_mesh_telemetry import deadline, redact, xfcc
from otel_mesh_telemetry.ab_testing import ABTesting, Experiment
from otel_mesh_telemetry.headers import Headers
from otel_mesh_telemetry.peer import PeerIdentity, Trust
from otel_mesh_telemetry.propagation import DEFAULT, build_propagator
from otel_mesh_telemetry.routing import Canary, FaultRoute, RequestId

if TYPE_CHECKING:
    from otel_mesh_telemetry.features import Feature

PROPAGATOR = build_propagator((*DEFAULT, "b3", "b3multi"))
FEATURES: tuple[Feature, ...] = (
    RequestId(),
    Canary(),
    FaultRoute(),
    PeerIdentity(Trust.XFCC_LAST),
    PeerIdentity(Trust.XFCC_FIRST),
    PeerIdentity(Trust.L5D_CLIENT_ID),
    ABTesting(Experiment("homepage")),
)
HEADERS = Headers(frozenset({deadline.HEADER}).union(*(feature.headers for feature in FEATURES)))
LONGEST_VALUE = 1024
SLOWEST = 0.25  # seconds for an input of at most 64 KiB


def check(data: bytes) -> None:
    """Read one request's headers as the middleware does.

    Raises:
        AssertionError: something that must hold does not.
    """
    pairs = [line.partition(b":") for line in data.split(b"\n")[:64]]
    raw = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
    began = time.thread_time()
    carrier = HEADERS.read(raw, PROPAGATOR)
    context = PROPAGATOR.extract(carrier, Context())
    span = trace.get_current_span(context).get_span_context()
    assert span.is_valid == (0 < span.trace_id < 2**128 and 0 < span.span_id < 2**64)
    assert len(baggage.get_all(context)) <= 180
    attributes: dict[str, object] = {}
    for feature in FEATURES:
        if feature.changes_context:
            context = feature.enter(carrier, context)
        if feature.changes_context or not feature.headers.isdisjoint(carrier):
            feature.describe(carrier, context, attributes)  # type: ignore[arg-type]
    assert all(len(str(value)) <= LONGEST_VALUE for value in attributes.values()), attributes
    assert attributes["feature_flag.result.variant"] in ("control", "experiment")
    seconds = deadline.parse(carrier.get(deadline.HEADER))
    assert seconds is None or 0 <= seconds < 1_000_000
    for value in carrier.values():
        xfcc.parse(value)
        redact.url(value)
        assert "\n" in value or redact.text(redact.text(value)) == redact.text(value)
    written: dict[str, str] = {}
    PROPAGATOR.inject(written, context)
    if span.is_valid:
        again = trace.get_current_span(PROPAGATOR.extract(written, Context())).get_span_context()
        assert (again.trace_id, again.span_id) == (span.trace_id, span.span_id)
    assert time.thread_time() - began < SLOWEST
