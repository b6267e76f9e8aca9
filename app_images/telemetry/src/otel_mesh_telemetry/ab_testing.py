"""A/B experiments: who sees which variant, the same in every service that a request reaches."""

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
    """One experiment.

    Attributes:
        name: of the experiment, its feature flag and its baggage entry: lower-case letters, digits, ``._-``.
        weights: variant -> share; the shares are relative to their sum. The variants are the allow-list too.
        salt: keeps experiments independent of each other; the name by default. Changing it deals the cards anew.

    Raises:
        ValueError: a name is malformed, or the weights are negative or all zero.
    """

    name: str
    weights: Mapping[str, float] = field(default_factory=lambda: {"control": 50.0, "experiment": 50.0})
    salt: str = ""

    def __post_init__(self) -> None:
        if not all(map(_NAME, (self.name, *self.weights))):
            raise ValueError(f"experiment {self.name!r}: names must be of lower-case letters, digits, '.', '_' and '-'")
        if not self.weights or min(self.weights.values()) < 0 or sum(self.weights.values()) <= 0:
            raise ValueError(f"experiment {self.name!r}: weights must not be negative, nor all zero")

    def assign(self, key: str) -> str:
        """The variant of a stable key (a user's id, say): always the same for the same key, salt and weights."""
        digest = blake2b(f"{self.salt or self.name}\0{key}".encode(), digest_size=8).digest()
        point = int.from_bytes(digest) / 2**64 * sum(self.weights.values())
        for variant, weight in self.weights.items():
            point -= weight
            if point < 0:
                return variant
        return next(reversed([variant for variant, weight in self.weights.items() if weight > 0]))

    @property
    def entry(self) -> str:
        """Name of the baggage entry that carries the variant on."""
        return f"ab.{self.name}"

    def variant(self, context: Context | None = None) -> str | None:
        """The variant that holds for the current request; None outside of one."""
        value = baggage.get_baggage(self.entry, context)
        return value if isinstance(value, str) and value in self.weights else None


class ABTesting:
    """Server feature: assigns a variant, puts it into baggage and tells it by the feature-flag conventions.

    In this order: ``x-ab-group`` when it names a variant (a tester's choice), the variant that an earlier service
    put into baggage, the stable key's, and without a key the trace id's, so that at least one request is served
    alike everywhere. Values that are no variant are ignored.

    Args:
        experiment: what is tested.
        key_header: header with a stable key; its value goes into the hash and nowhere else.

    Attributes:
        changes_context: always true: the handler finds the variant in its baggage.
        headers: lower-case names of the headers it reads.
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
        """Add ``feature_flag.*``, and ``otel_mesh.experiment.<name>`` for those with several experiments."""
        del carrier
        variant = self._experiment.variant(context) or ""
        attributes[f"otel_mesh.experiment.{self._experiment.name}"] = variant
        if "feature_flag.key" not in attributes:
            attributes["feature_flag.key"] = self._experiment.name
            attributes["feature_flag.result.variant"] = variant
            attributes["feature_flag.set.id"] = self._experiment.salt or self._experiment.name
            attributes["feature_flag.provider.name"] = "otel_mesh"
            attributes["feature_flag.result.reason"] = str(context_api.get_value(self._reason, context))
