"""The interface of server features: extensions that read request headers and add span attributes."""

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
    """Reads headers and adds span attributes; may change the handler's context.

    Attributes:
        headers: Lower-case names of the headers read by the feature.
        changes_context: True: ``enter`` is called for every request before its handler, even if it is not sampled.
    """

    headers: frozenset[str]
    changes_context: bool

    def enter(self, carrier: Mapping[str, str], context: Context) -> Context:
        """The context for the handler; called only if ``changes_context`` is true."""

    def describe(
        self, carrier: Mapping[str, str], context: Context, attributes: MutableMapping[str, AttributeValue]
    ) -> None:
        """Add span attributes; called for recorded spans if a header is present or ``changes_context`` is true."""


class ReadOnly:
    """Base class of features that only record headers."""

    changes_context = False
    headers: frozenset[str] = frozenset()

    def enter(self, carrier: Mapping[str, str], context: Context) -> Context:
        """The unchanged context."""
        del carrier
        return context


class Features:
    """An ordered set of features.

    Attributes:
        headers: Lower-case names of the headers read by any feature.

    Args:
        features: Features in the order of their application.
    """

    def __init__(self, features: Iterable[Feature]) -> None:
        self._features = tuple(features)
        self._entering = tuple(feature for feature in self._features if feature.changes_context)
        self._reported: list[Feature] = []
        self.headers: frozenset[str] = frozenset().union(*(feature.headers for feature in self._features))

    def __bool__(self) -> bool:
        return bool(self._features)

    def apply(self, carrier: Mapping[str, str], span: Span, context: Context) -> Context:
        """Add the features' attributes to the span, and return the context for the handler.

        A feature that raises is skipped and its first failure logged: telemetry must not fail a request.
        """
        for feature in self._entering:
            try:
                context = feature.enter(carrier, context)
            except Exception:  # noqa: BLE001 - features may be user code that raises anything
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
            _log.exception("server feature %s failed; it is skipped for requests it fails on", type(feature).__name__)
