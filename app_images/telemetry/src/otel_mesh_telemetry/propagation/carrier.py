"""Reading headers out of whatever a propagator is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from opentelemetry.propagators.textmap import CarrierT, Getter, default_getter

if TYPE_CHECKING:
    from collections.abc import Callable

    Lookup = Callable[[str], str | None]


def lookup_of(carrier: CarrierT, getter: Getter[CarrierT]) -> Lookup:
    """A function from a lower-case header name to its first value, None when there is none.

    A plain dictionary of strings, what our own middleware hands over, is read directly.
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
