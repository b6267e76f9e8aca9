"""The few headers of a request that telemetry reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from opentelemetry.propagators.textmap import TextMapPropagator

AB_GROUP = "x-ab-group"
"""Names the variant of an experiment: a tester's choice."""
BAGGAGE_PREFIX = b"baggage-"
_LONGEST = 16_384  # characters of one header; servers limit them too, but not all


class Headers:
    """Picks headers out of an ASGI scope in one pass.

    Args:
        names: lower-case names that are read besides the propagator's.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)
        self._propagator: TextMapPropagator | None = None
        self._wanted: dict[bytes, str] = {}
        self._with_prefix = False

    def read(self, headers: Iterable[tuple[bytes, bytes]], propagator: TextMapPropagator) -> dict[str, str]:
        """Wanted headers by lower-case name; repeated ones are joined by a comma, as HTTP says they may be."""
        return self.look(headers, propagator)[0]

    def look(
        self, headers: Iterable[tuple[bytes, bytes]], propagator: TextMapPropagator
    ) -> tuple[dict[str, str], bool]:
        """As :meth:`read`, and whether a ``baggage-*`` header is among them."""
        if propagator is not self._propagator:
            self._bind(propagator)  # the global propagator is set by init(), maybe after the application was made
        wanted = self._wanted
        carrier: dict[str, str] = {}
        prefixed = False
        for raw, value in headers:
            name = wanted.get(raw)
            if name is None:
                if not self._with_prefix or not raw.startswith(BAGGAGE_PREFIX):
                    continue
                name = raw.decode("latin-1")
                prefixed = True
            text = value.decode("latin-1") if len(value) <= _LONGEST else ""
            carrier[name] = f"{carrier[name]},{text}" if name in carrier else text
        return carrier, prefixed

    def _bind(self, propagator: TextMapPropagator) -> None:
        names = self._names | {field.lower() for field in getattr(propagator, "reads", propagator.fields)}
        self._wanted = {name.encode("latin-1"): name for name in names}
        self._with_prefix = bool(getattr(propagator, "reads_baggage_headers", False))
        self._propagator = propagator
