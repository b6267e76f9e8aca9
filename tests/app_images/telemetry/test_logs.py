"""S2.7: structured logs: one JSON object per line, the same record over OTLP, no secrets in either."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_mesh_telemetry import redact
from otel_mesh_telemetry.logs import Logging
from otel_mesh_telemetry.testing import Capture, capture
from tests.app_images.telemetry.passing_time import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger("shop.orders")


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture() as running:
        yield running


def failing(error: Exception) -> None:
    raise error


class Output:
    def __init__(self, level: str = "INFO") -> None:
        self._stream = io.StringIO()
        self._logging = Logging(level, "shop", stream=self._stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._logging.restore()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


def test_s2_7_lines_carry_the_ids_of_the_span_and_the_extras(seen: Capture) -> None:
    with Output() as output, seen.tracer_provider.get_tracer("t").start_as_current_span("work") as span:
        log.info("order %s placed", "A-1", extra={"order.id": 7})
    (line,) = output.lines()
    context = span.get_span_context()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "shop.orders",
        "message": "order A-1 placed",
        "service": "shop",
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "order.id": 7,
    }


def test_s2_7_exceptions_are_one_line_and_strange_values_do_not_break_it() -> None:
    with Output() as output:
        try:
            failing(LookupError("two\nlines"))
        except LookupError:
            log.exception("failed: %s", "ümläut\x00", extra={"object": object(), "not json": {1, 2}})
    (line,) = output.lines()
    assert line["message"] == "failed: ümläut\x00"
    assert line["exception"].endswith("LookupError: two\nlines")
    assert "trace_id" not in line


def test_s2_7_level_by_environment() -> None:
    with Output("WARNING") as output:
        log.info("quiet")
        log.warning("loud")
    assert [line["message"] for line in output.lines()] == ["loud"]


def test_malformed_headers_do_not_write_our_log() -> None:
    with Output("DEBUG") as output:
        logging.getLogger("opentelemetry.baggage.propagation").warning("Invalid baggage entry")
        logging.getLogger("httpx").info("HTTP Request: GET http://users?token=canary")
    assert output.lines() == []


SECRETS = [
    ("Authorization: Bearer canary123456", "Authorization: Bearer REDACTED"),
    ("postgresql://shop:canary@db:5432/users failed", "postgresql://REDACTED@db:5432/users failed"),
    ("password=canary host=db", "password=REDACTED host=db"),
    ('{"api_key": "canary", "id": 7}', '{"api_key": "REDACTED", "id": 7}'),
    ("DATABASE_PASSWORD=canary; next", "DATABASE_PASSWORD=REDACTED; next"),
    ("client_secret: canary", "client_secret: REDACTED"),
    ("the token expired", "the token expired"),
    ("http://shop:8080/users/7", "http://shop:8080/users/7"),
]


@pytest.mark.parametrize(("text", "expected"), SECRETS)
def test_s2_10_secrets_are_taken_out_of_lines_and_records_alike(seen: Capture, text: str, expected: str) -> None:
    with Output() as output:
        log.warning("%s", text, extra={"user.password": "canary", "note": text})
        try:
            failing(ValueError(text))
        except ValueError:
            log.exception("failed")
    first, second = output.lines()
    assert (first["message"], first["note"], first["user.password"]) == (expected, expected, "REDACTED")
    assert second["exception"].endswith(f"ValueError: {expected}")
    told, failed = (record.log_record for record in seen.records())
    assert told.body == expected
    assert (told.attributes or {})["user.password"] == "REDACTED"
    assert (failed.attributes or {})["exception.message"] == expected
    assert "canary" not in str(output.lines()) + str([r.to_json() for r in seen.records()])


@given(st.text(max_size=300))
def test_redaction_neither_raises_nor_changes_a_second_time(text: str) -> None:
    once = redact.text(text)
    assert redact.text(once) == once


@pytest.mark.parametrize("piece", ["a:", "://", "://a:", "password=", "token", "bearer ", "a", "@", "_secret"])
def test_redaction_costs_linear_time(piece: str) -> None:
    text = piece * (32_000 // len(piece))
    assert cpu_seconds(lambda: redact.text(text)) < 0.2


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://me:canary@shop/a?b=canary&c#canary", "http://shop/a?b=REDACTED&c"),
        ("http://shop:8080/users/7", "http://shop:8080/users/7"),
        ("http://[::1", "REDACTED"),
        ("/relative?x=canary", "/relative?x=REDACTED"),
    ],
)
def test_s2_10_urls_are_redacted(url: str, expected: str) -> None:
    assert redact.url(url) == expected
