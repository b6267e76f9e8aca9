"""Creation of contexts with a span, with a minimum of copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, set_span_in_context

if TYPE_CHECKING:
    from opentelemetry.trace import Span

(_SPAN_KEY,) = set_span_in_context(INVALID_SPAN, Context())
"""Context key of the current span; the API has no public name for it."""


def of_span(span: Span) -> Context:
    """A context that holds only a span."""
    return Context({_SPAN_KEY: span})


def with_span(span: Span, context: Context) -> Context:
    """A copy of a context with a span, as from ``set_span_in_context``."""
    return Context({**context, _SPAN_KEY: span})
