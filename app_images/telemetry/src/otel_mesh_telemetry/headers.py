"""Selection of the request headers read by telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from opentelemetry.propagators.textmap import TextMapPropagator

AB_GROUP = "x-ab-group"
"""Header that selects the variant of an experiment, for testers."""
BAGGAGE_PREFIX = b"baggage-"
_MAX_LENGTH = 16_384  # characters of one header; not all servers limit them


class Headers:
    """Selects headers of an ASGI scope in one pass.

    Args:
        names: Lower-case names of headers read in addition to the propagator's.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)
        self._propagator: TextMapPropagator | None = None
        self._wanted: dict[bytes, str] = {}
        self._with_prefix = False

    def read(self, headers: Iterable[tuple[bytes, bytes]], propagator: TextMapPropagator) -> dict[str, str]:
        """The selected headers by lower-case name; repeated ones are joined by commas, as HTTP permits."""
        return self.look(headers, propagator)[0]

    def look(
        self, headers: Iterable[tuple[bytes, bytes]], propagator: TextMapPropagator
    ) -> tuple[dict[str, str], bool]:
        """The result of :meth:`read`, and True if it includes a ``baggage-*`` header."""
        if propagator is not self._propagator:
            self._bind(propagator)  # init() may set the global propagator after the application was created
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
            text = value.decode("latin-1") if len(value) <= _MAX_LENGTH else ""
            carrier[name] = f"{carrier[name]},{text}" if name in carrier else text
        return carrier, prefixed

    def _bind(self, propagator: TextMapPropagator) -> None:
        names = self._names | {field.lower() for field in getattr(propagator, "reads", propagator.fields)}
        self._wanted = {name.encode("latin-1"): name for name in names}
        self._with_prefix = bool(getattr(propagator, "reads_baggage_headers", False))
        self._propagator = propagator
