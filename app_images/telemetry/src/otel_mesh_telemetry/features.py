"""What a part that reads something more from a request has to offer to the server middleware."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue


_log = logging.getLogger(__name__)


class Feature(Protocol):
    """Reads headers, tells attributes; may change the context the handler runs in.

    Attributes:
        headers: lower-case names of the headers it reads.
        changes_context: it has to see every request, before the handler, sampled or not.
    """

    headers: frozenset[str]
    changes_context: bool

    def enter(self, carrier: Mapping[str, str], context: Context) -> Context:
        """The context for the handler; called when ``changes_context``."""

    def describe(
        self, carrier: Mapping[str, str], context: Context, attributes: MutableMapping[str, AttributeValue]
    ) -> None:
        """Add attributes of a span that is recorded; called when one of ``headers`` is there, or as above."""


class ReadOnly:
    """Base of features that only tell what headers say."""

    changes_context = False
    headers: frozenset[str] = frozenset()

    def enter(self, carrier: Mapping[str, str], context: Context) -> Context:
        """Leave the context as it is."""
        del carrier
        return context


class Features:
    """Features in order, applied to one request after the other.

    Attributes:
        headers: all that they read.

    Args:
        features: in the order in which they see a request.
    """

    def __init__(self, features: Iterable[Feature]) -> None:
        self._features = tuple(features)
        self._entering = tuple(feature for feature in self._features if feature.changes_context)
        self._reported: list[Feature] = []
        self.headers: frozenset[str] = frozenset().union(*(feature.headers for feature in self._features))

    def __bool__(self) -> bool:
        return bool(self._features)

    def apply(self, carrier: Mapping[str, str], span: Span, context: Context) -> Context:
        """Tell the span what a request's headers say, and return the context for its handler.

        A feature that raises is logged once and left out of this request: telemetry must not fail it.
        """
        for feature in self._entering:
            try:
                context = feature.enter(carrier, context)
            except Exception:  # noqa: BLE001 - whatever a feature of somebody's own raises
                self._report(feature)
        if span.is_recording():
            attributes: dict[str, Any] = {}
            for feature in self._features:
                if feature.changes_context or not feature.headers.isdisjoint(carrier):
                    try:
                        feature.describe(carrier, context, attributes)
                    except Exception:  # noqa: BLE001 - as above
                        self._report(feature)
            if attributes:
                span.set_attributes(attributes)
        return context

    def _report(self, feature: Feature) -> None:
        if feature not in self._reported:
            self._reported.append(feature)
            _log.exception("the feature %s failed; it is left out of requests that it fails at", type(feature).__name__)
