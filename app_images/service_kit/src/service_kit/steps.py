"""Spans of business steps, in addition to those of calls and statements."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.trace import Status, StatusCode

from service_kit.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.trace import Link, Span, Tracer

_SERVER_ERROR = 500


@contextmanager
def step(
    tracer: Tracer, name: str, attributes: dict[str, str | int] | None = None, links: Sequence[Link] = ()
) -> Iterator[Span]:
    """An internal span, current inside.

    Mistakes of the caller and declined requests are regular outcomes of a step; only failures set the error status.

    Args:
        tracer: Tracer of the service.
        name: Name of the span, of low cardinality.
        attributes: Identifiers; never amounts, e-mail addresses or other personal data.
        links: Links to related spans that are not its parent.
    """
    with tracer.start_as_current_span(
        name, attributes=attributes, links=links, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except Exception as error:
            failed = not isinstance(error, Problem) or error.status >= _SERVER_ERROR
            span.set_attribute("error.type", str(error.status) if isinstance(error, Problem) else type(error).__name__)
            if failed:
                span.set_status(Status(StatusCode.ERROR))
            raise
