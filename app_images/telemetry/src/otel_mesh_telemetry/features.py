"""What a part that reads something more from a request has to offer to the server middleware."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue


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
