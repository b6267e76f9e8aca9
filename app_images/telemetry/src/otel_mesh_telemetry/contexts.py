"""Contexts with a span, made with as few copies as can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, set_span_in_context

if TYPE_CHECKING:
    from opentelemetry.trace import Span

(_SPAN_KEY,) = set_span_in_context(INVALID_SPAN, Context())
"""Under which the API keeps the current span; it has no public name."""


def of_span(span: Span) -> Context:
    """A context with a span and nothing else."""
    return Context({_SPAN_KEY: span})


def with_span(span: Span, context: Context) -> Context:
    """As ``set_span_in_context``."""
    return Context({**context, _SPAN_KEY: span})
