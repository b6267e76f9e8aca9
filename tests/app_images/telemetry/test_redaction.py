"""Secrets that come along by accident: in messages, exceptions, nested values and headers."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status, StatusCode

from otel_mesh_telemetry import ServerMiddleware, exceptions, redact
from otel_mesh_telemetry.exceptions import RedactedSpans
from otel_mesh_telemetry.header_capture import HeaderCapture
from otel_mesh_telemetry.logs import Logging
from otel_mesh_telemetry.testing import Capture, capture
from tests.app_images.telemetry.asgi_calls import call, scope_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONNECTION = "no route to postgres://bob:canary@db/shop"


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture() as running:
        yield running


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CONNECTION, "no route to postgres://REDACTED@db/shop"),
        ("https://canary@github.com/x", "https://REDACTED@github.com/x"),
        ("redis://:can@ary@cache:6379", "redis://REDACTED@cache:6379"),
        ("secret_key=canary", "secret_key=REDACTED"),
        ("aws_secret_access_key: canary", "aws_secret_access_key: REDACTED"),
        ('password="can ary"', 'password="REDACTED"'),
        ("{'password': 'can ary', 'id': 7}", "{'password': 'REDACTED', 'id': 7}"),
        ('password="can\\" ary" next', 'password="REDACTED" next'),
        ("password=b'can ary'", "password=b'REDACTED'"),
        ('{\\"token\\": \\"can ary\\"}', '{\\"token\\": \\"REDACTED\\"}'),
        ("(b'x-api-key', b'canary')", "(b'x-api-key', b'REDACTED')"),
        ("password == 'canary'", "password == 'REDACTED'"),
        ("pass: canary", "pass: REDACTED"),
        ("Cookie: a=canary; b=canary\nHost: shop", "Cookie: REDACTED\nHost: shop"),
        ("Authorization: Digest canary, canary", "Authorization: Digest REDACTED"),
        ("message=password=canary", "message=password=REDACTED"),
        ("-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----", "REDACTED"),
        ("the pass rate: 7, tokens left", "the pass rate: 7, tokens left"),
        ("http://shop:8080/users?x=a@b", "http://shop:8080/users?x=a@b"),
        ("compass=north", "compass=north"),
    ],
)
def test_usual_shapes_of_secrets_in_text(text: str, expected: str) -> None:
    assert redact.text(text) == expected
    assert redact.text(expected) == expected


def test_nested_values_are_looked_into() -> None:
    found = redact.value(
        "config",
        {"db": {"password": "canary", "port": 5432}, "urls": [CONNECTION, {"token": "canary"}], "raw": b"pwd=canary"},
    )
    assert found == {
        "db": {"password": "REDACTED", "port": 5432},
        "urls": ["no route to postgres://REDACTED@db/shop", {"token": "REDACTED"}],
        "raw": "pwd=REDACTED",
    }
    assert redact.value("error", ValueError("password=canary")) == "password=REDACTED"


def test_a_value_that_holds_itself_or_has_no_text_breaks_nothing() -> None:
    class Broken:
        def __str__(self) -> str:
            raise LookupError

    endless: dict[str, Any] = {"secret": "canary"}
    endless["self"] = endless
    assert "canary" not in str(redact.value("x", endless))
    assert redact.value("x", Broken()) == "<Broken: __str__ raised LookupError>"


async def test_s2_10_an_exceptions_message_leaves_its_secrets_behind(seen: Capture) -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:  # noqa: ANN401
        raise LookupError(CONNECTION)

    with pytest.raises(LookupError):
        await call(ServerMiddleware(app, **seen.providers), scope_of("/"))
    (event,) = seen.spans()[0].events
    attributes = dict(event.attributes or {})
    assert attributes["exception.message"] == "no route to postgres://REDACTED@db/shop"
    assert str(attributes["exception.stacktrace"]).endswith("LookupError: no route to postgres://REDACTED@db/shop\n")
    assert "canary" not in str(attributes["exception.stacktrace"]).splitlines()[-1]
    assert "exception.escaped" not in attributes, "deprecated"


def test_s2_10_spans_that_others_make_are_redacted_where_they_leave(seen: Capture) -> None:
    tracer = seen.tracer_provider.get_tracer("an application's own")

    def work() -> None:
        with tracer.start_as_current_span("work") as span:
            span.add_event("note", {"count": 1})
            raise LookupError(CONNECTION)

    with pytest.raises(LookupError):
        work()
    (told,) = seen.spans()
    assert told.status.status_code is StatusCode.ERROR
    assert told.status.description == "LookupError: no route to postgres://REDACTED@db/shop"
    assert [event.name for event in told.events] == ["note", "exception"]
    assert "bob:canary" not in told.to_json()
    assert "exception.escaped" not in (told.events[1].attributes or {})


def test_what_limits_dropped_is_still_counted() -> None:
    sent: list[ReadableSpan] = []

    class Sink(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            sent.extend(spans)
            return SpanExportResult.SUCCESS

    class Counted(ReadableSpan):
        dropped_attributes = 3
        dropped_events = 2
        dropped_links = 1

    class Both(RedactedSpans, Sink):
        pass

    event = Event("exception", {"exception.message": "token=canary"}, 1)
    Both().export([Counted("x", events=[event], status=Status(StatusCode.ERROR, "token=canary"))])
    (span,) = sent
    assert (span.dropped_attributes, span.dropped_events, span.dropped_links) == (3, 2, 1)
    assert (span.status.description, span.events[0].timestamp) == ("token=REDACTED", 1)


def test_an_exception_without_a_text_is_still_recorded(seen: Capture) -> None:
    class BrokenError(Exception):
        def __str__(self) -> str:
            raise LookupError

    with seen.tracer_provider.get_tracer("t").start_as_current_span("work") as span:
        exceptions.record(span, BrokenError())
    (event,) = seen.spans()[0].events
    assert str((event.attributes or {})["exception.type"]).endswith("BrokenError")


@pytest.mark.parametrize("name", ["X-Access-Token", "x-vault-token", "api-key", "x-auth", "x-amz-signature"])
def test_s2_10_headers_whose_name_says_secret_cannot_be_captured(name: str) -> None:
    with pytest.raises(ValueError, match=f"headers {name.lower()}: carry credentials"):
        HeaderCapture([name])


async def test_s2_10_a_captured_header_is_redacted_too(seen: Capture) -> None:
    app = ServerMiddleware(_ok, features=[HeaderCapture(["x-callback"])], **seen.providers)
    await call(app, scope_of("/", [("x-callback", "https://bob:canary@shop/")]))
    assert (seen.spans()[0].attributes or {})["http.request.header.x-callback"] == ("https://REDACTED@shop/",)


async def _ok(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


def test_a_lone_surrogate_breaks_neither_line_nor_record(seen: Capture) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    logging_ = Logging("INFO", "shop", stream=stream)
    try:
        logging.getLogger("shop").info("no such file: %s", "caf\udce9", extra={"path": "\ud800"})
    finally:
        logging_.restore()
    line = json.loads(raw.getvalue().decode())
    assert (line["message"], line["path"]) == ("no such file: caf\\udce9", "\\ud800")
    record = seen.records()[-1].log_record
    assert str(record.body).encode()
    assert (record.attributes or {})["path"] == "\\ud800"


def test_the_stack_of_a_record_is_redacted_as_well(seen: Capture) -> None:
    del seen
    stream = io.StringIO()
    logging_ = Logging("INFO", "shop", stream=stream)
    try:
        logging.getLogger("shop").info("here", stack_info=bool("password=canary"))
    finally:
        logging_.restore()
    assert "canary" not in json.loads(stream.getvalue())["stack"]


def test_handlers_of_the_application_stay_and_only_the_plain_console_gives_way() -> None:
    root = logging.getLogger()
    before = list(root.handlers)
    kept, later = logging.StreamHandler(io.StringIO()), logging.NullHandler()
    plain = logging.StreamHandler()
    root.handlers[:] = [plain, kept]
    try:
        stream = io.StringIO()
        logging_ = Logging("INFO", "shop", stream=stream)
        logging.getLogger("shop").warning("once")
        root.addHandler(later)
        during = list(root.handlers)
        logging_.restore()
        after = list(root.handlers)
    finally:
        root.handlers[:] = before
    assert kept.stream.getvalue() == "once\n"
    assert len(stream.getvalue().splitlines()) == 1
    assert plain not in during
    assert after == [plain, kept, later]
