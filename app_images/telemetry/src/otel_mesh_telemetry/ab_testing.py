"""A/B experiments: assignment of variants, consistent across all services that handle a request."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from opentelemetry import baggage
from opentelemetry import context as context_api
from opentelemetry.trace import get_current_span

from otel_mesh_telemetry.headers import AB_GROUP

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}").fullmatch


@dataclass(frozen=True)
class Experiment:
    """An experiment and its variants.

    Attributes:
        name: Name of the experiment, its feature flag and its baggage entry: lower-case letters, digits, ``._-``.
        weights: Variant -> share, relative to the sum of the shares. Values other than these variants are ignored.
        salt: Hash salt that makes experiments independent of each other; the name by default. Changing it reassigns
            all keys.

    Raises:
        ValueError: A name is malformed, or weights are negative or all zero.
    """

    name: str
    weights: Mapping[str, float] = field(default_factory=lambda: {"control": 50.0, "experiment": 50.0})
    salt: str = ""

    def __post_init__(self) -> None:
        if not all(map(_NAME, (self.name, *self.weights))):
            raise ValueError(
                f"experiment {self.name!r}: names must consist of lower-case letters, digits, '.', '_' and '-'"
            )
        if not self.weights or min(self.weights.values()) < 0 or sum(self.weights.values()) <= 0:
            raise ValueError(
                f"experiment {self.name!r}: weights must not be negative, and at least one must be positive"
            )

    def assign(self, key: str) -> str:
        """The variant of a stable key, such as a user ID; deterministic for a given key, salt and weights."""
        digest = blake2b(f"{self.salt or self.name}\0{key}".encode(), digest_size=8).digest()
        point = int.from_bytes(digest) / 2**64 * sum(self.weights.values())
        for variant, weight in self.weights.items():
            point -= weight
            if point < 0:
                return variant
        return next(reversed([variant for variant, weight in self.weights.items() if weight > 0]))

    @property
    def entry(self) -> str:
        """Name of the baggage entry that holds the variant."""
        return f"ab.{self.name}"

    def variant(self, context: Context | None = None) -> str | None:
        """The variant assigned to the current request; None outside a request."""
        value = baggage.get_baggage(self.entry, context)
        return value if isinstance(value, str) and value in self.weights else None


class ABTesting:
    """Server feature: assigns a variant, stores it in baggage and records it by the feature-flag conventions.

    Order of precedence: ``x-ab-group`` (for testers), the variant assigned by an upstream service (baggage), the
    stable key, the trace ID. With the trace ID, all services still use one variant for the request. Unknown variants
    are ignored.

    Args:
        experiment: Experiment whose variants are assigned.
        key_header: Header with a stable key; its value is hashed and never recorded.

    Attributes:
        changes_context: Always true: the variant is in the handler's baggage.
        headers: Lower-case names of the headers read by the feature.
    """

    changes_context = True

    def __init__(self, experiment: Experiment, key_header: str = "x-user-id") -> None:
        self._experiment = experiment
        self._key_header = key_header.lower()
        self._reason = context_api.create_key(f"ab-reason-{experiment.name}")
        self.headers = frozenset({AB_GROUP, self._key_header})

    def enter(self, carrier: Mapping[str, str], context: Context) -> Context:
        """The context with the variant in its baggage."""
        variant, reason = self._decide(carrier, context)
        context = context_api.set_value(self._reason, reason, context)
        return baggage.set_baggage(self._experiment.entry, variant, context)

    def _decide(self, carrier: Mapping[str, str], context: Context) -> tuple[str, str]:
        chosen = carrier.get(AB_GROUP, "").strip()
        if chosen in self._experiment.weights:
            return chosen, "targeting_match"
        if (earlier := self._experiment.variant(context)) is not None:
            return earlier, "cached"
        key = carrier.get(self._key_header) or format(get_current_span(context).get_span_context().trace_id, "032x")
        return self._experiment.assign(key), "split"

    def describe(
        self, carrier: Mapping[str, str], context: Context, attributes: MutableMapping[str, AttributeValue]
    ) -> None:
        """Add ``otel_mesh.experiment.<name>``, and ``feature_flag.*`` for the first experiment of the service."""
        del carrier
        variant = self._experiment.variant(context) or ""
        attributes[f"otel_mesh.experiment.{self._experiment.name}"] = variant
        if "feature_flag.key" not in attributes:
            attributes["feature_flag.key"] = self._experiment.name
            attributes["feature_flag.result.variant"] = variant
            attributes["feature_flag.set.id"] = self._experiment.salt or self._experiment.name
            attributes["feature_flag.provider.name"] = "otel_mesh"
            attributes["feature_flag.result.reason"] = str(context_api.get_value(self._reason, context))
