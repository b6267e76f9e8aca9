"""What is made from values that may be Outputs: it is made when the values are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import pulumi

from otel_mesh.core.errors import join_path, parse
from otel_mesh.core.outputs import is_late
from otel_mesh.core.values import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

ValueT = TypeVar("ValueT")
ResultT = TypeVar("ResultT")


def when_known(value: ValueT, make: Callable[[ValueT], ResultT]) -> pulumi.Input[ResultT]:
    """What a function makes from a value: at once, or as an Output if something in the value is one.

    Args:
        value: Settings, or mappings and tuples of settings and other values. Once the values of their Outputs are
            known, settings are validated again as a whole. In errors, paths begin with the keys of mappings.
        make: Function of the value without Outputs.
    """
    if not _has_outputs(value):
        return make(value)
    found: pulumi.Output[Any] = pulumi.Output.from_input(_plain(value))
    return found.apply(lambda known: make(_validated(value, known)))


def then(value: pulumi.Input[ValueT], make: Callable[[ValueT], ResultT]) -> pulumi.Input[ResultT]:
    """What a function makes from the result of `when_known`.

    Args:
        value: A value, or an Output of one.
        make: Function of the value.
    """
    if is_late(value):
        found: pulumi.Output[ValueT] = pulumi.Output.from_input(value)
        return found.apply(make)
    return make(value)  # type: ignore[arg-type]  # the type checker does not see that the rest is no Output


def _has_outputs(value: object) -> bool:
    if isinstance(value, Settings):
        return any(_has_outputs(getattr(value, name)) for name in type(value).model_fields)
    if isinstance(value, Mapping):
        return any(map(_has_outputs, value.values()))
    return any(map(_has_outputs, value)) if isinstance(value, list | tuple) else is_late(value)


def _plain(value: object) -> Any:  # noqa: ANN401 - any value of settings
    """Settings as a mapping of the values that were given, in which pulumi finds the Outputs."""
    if isinstance(value, Settings):
        return {
            name: _plain(getattr(value, name)) for name in type(value).model_fields if name in value.model_fields_set
        }
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _validated(value: object, known: Any, path: str = "") -> Any:  # noqa: ANN401 - any value of settings
    """Known values in the form of the value that they come from."""
    if isinstance(value, Settings):
        return parse(type(value), known, path)
    if isinstance(value, Mapping):
        return {key: _validated(one, known[key], join_path(path, key)) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_validated(*pair, path) for pair in zip(value, known, strict=True))
    return known
