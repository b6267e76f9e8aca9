"""What must hold for any input at all; run by a coverage-guided fuzzer, and over its corpus by pytest.

Each of the :data:`TARGETS` reads what a stranger may send, or what may be logged, and raises AssertionError where
something does not hold: a crash, a cost beyond all measure, a secret that is shown.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from opentelemetry import baggage, trace
from opentelemetry.context import Context

from otel_mesh_telemetry import deadline, redact, sql, xfcc
from otel_mesh_telemetry.ab_testing import ABTesting, Experiment
from otel_mesh_telemetry.headers import Headers
from otel_mesh_telemetry.outside import Outside, start_new_trace
from otel_mesh_telemetry.peer import PeerIdentity, Trust
from otel_mesh_telemetry.propagation import DEFAULT, build_propagator
from otel_mesh_telemetry.routing import Canary, FaultRoute, RequestId
from tests.app_images.telemetry.passing_time import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

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
SECRET = "zanzibar"  # noqa: S105 - a word to look for; begins with no digit of an escape


def propagation(data: bytes) -> None:
    """Read one request's headers as the middleware does: lines of ``name: value`` in latin-1, as off the wire."""
    pairs = [line.partition(b":") for line in data.split(b"\n")[:64]]
    raw = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
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
    written: dict[str, str] = {}
    PROPAGATOR.inject(written, context)
    if span.is_valid:
        again = trace.get_current_span(PROPAGATOR.extract(written, Context())).get_span_context()
        assert (again.trace_id, again.span_id) == (span.trace_id, span.span_id)
    for outside in (Outside.LINK, Outside.RESTART):
        anew, links = start_new_trace(outside, dict(carrier), PROPAGATOR)
        assert not anew
        assert [link.context for link in links] == ([span] if span.is_valid and outside is Outside.LINK else [])


def identities(data: bytes) -> None:
    """Read an ``x-forwarded-client-cert`` header, and read back what was understood of it."""
    header = data.decode("latin-1")
    elements = xfcc.parse(header)
    assert len(elements) <= 32
    for element in elements:
        values = (*element.by, element.hash, element.cert, element.chain, element.subject, *element.uris, *element.dns)
        # Only what the header holds: a value is never put together from two.
        assert all(value.replace('"', '\\"') in header or value in header for value in values)
    # Of these two one cannot be told from the other.
    if elements and "\\" not in header:
        assert xfcc.parse(",".join(map(_written, elements))) == elements
    for trust in (Trust.XFCC_LAST, Trust.XFCC_FIRST):
        attributes: dict[str, object] = {}
        PeerIdentity(trust).describe({"x-forwarded-client-cert": header}, Context(), attributes)  # type: ignore[arg-type]
        assert all(len(str(value)) <= LONGEST_VALUE for value in attributes.values())


def _written(element: xfcc.Element) -> str:
    pairs = [("By", value) for value in element.by]
    pairs += [("Hash", element.hash), ("Cert", element.cert), ("Chain", element.chain), ("Subject", element.subject)]
    pairs += [("URI", value) for value in element.uris] + [("DNS", value) for value in element.dns]
    return ";".join(f'{key}="{value.replace(chr(34), chr(92) + chr(34))}"' for key, value in pairs)


_AROUND = re.compile("[\"'\\\\]")


def redaction(data: bytes) -> None:
    """Redact a text, and one with a secret in the middle of whatever the fuzzer thinks of."""
    text = data.decode("utf-8", "surrogateescape")
    once = redact.text(text)
    assert once.encode("utf-8") is not None
    if len(text) <= 16_384:  # what is cut has dots at its end, which are cut again
        assert redact.text(once) == once
    redact.url(text)
    redact.query(text)
    # Quotes that are open before it say that something else begins.
    before, _, after = _AROUND.sub("", text[:2000]).partition("\n")
    for pair in (f'password="{SECRET} x"', f"secret_key={SECRET}", f"{{'api_key': '{SECRET}'}}", f"://u:{SECRET}@h"):
        assert SECRET in text or SECRET not in redact.text(f"{before} {pair} {after}")
    found = redact.value("x", {"password": SECRET, f"k{text[:64]}": [text, {"token": SECRET}]})
    assert isinstance(found, dict)
    assert found["password"] == redact.REDACTED
    (inner,) = (value for key, value in found.items() if key != "password")
    assert inner == redact.REDACTED or inner[1] == {"token": redact.REDACTED}


def statements(data: bytes) -> None:
    """Describe a statement, and one with a literal in the middle of whatever the fuzzer thinks of."""
    text = data.decode("utf-8", "replace")
    found = sql.describe(text)
    assert len(found.text) <= 4096
    assert len(found.summary) <= 255
    if len(text) <= 1000:
        assert sql.describe(found.text).text == found.text
        assert sql.describe(found.text).summary == found.summary
    # What is open before it (a string, a comment, a quoted name) says that it is no literal.
    before = re.sub(r"""['"$]|--|/\*|\*/|[eE]\Z""", " ", text[:1000])
    before = re.sub(r"--|/\*|\*/", " ", before)
    for literal in (f"'{SECRET}'", f"E'\\'{SECRET}'", f"$${SECRET}$$", f"$t${SECRET}$t$"):
        if SECRET not in before:
            assert SECRET not in sql.describe(f"{before} {literal} ").text


TARGETS: dict[str, Callable[[bytes], None]] = {
    "propagation": propagation,
    "xfcc": identities,
    "redaction": redaction,
    "sql": statements,
}


def check(name: str, data: bytes) -> None:
    """Run one input through a target.

    Raises:
        AssertionError: something that must hold does not.
    """
    began = time.thread_time()
    TARGETS[name](data)
    if time.thread_time() - began >= SLOWEST:
        assert cpu_seconds(lambda: TARGETS[name](data)) < SLOWEST
