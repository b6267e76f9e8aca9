"""Access to the headers in a propagator's carrier."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from opentelemetry.propagators.textmap import CarrierT, Getter, default_getter

if TYPE_CHECKING:
    from collections.abc import Callable

    Lookup = Callable[[str], str | None]


def lookup_of(carrier: CarrierT, getter: Getter[CarrierT]) -> Lookup:
    """A function that returns the first value of a header by its lower-case name, or None.

    Plain dictionaries of strings, as passed by this library's middleware, are read directly.
    """
    if type(carrier) is dict and getter is default_getter:
        get: Callable[[str], object] = cast("dict[str, object]", carrier).get

        def direct(name: str) -> str | None:
            value = get(name)
            return value if type(value) is str else _first(value)

        return direct
    return lambda name: _first(getter.get(carrier, name))


def _first(value: object) -> str | None:
    if isinstance(value, (list, tuple)):
        value = value[0] if value else None
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None
