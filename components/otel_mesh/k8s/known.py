"""Texts made from values that may be Outputs: they are made when the values are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import pulumi

from otel_mesh.core.errors import parse
from otel_mesh.core.outputs import is_output
from otel_mesh.core.values import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SettingsT = TypeVar("SettingsT", bound=Settings)
ResultT = TypeVar("ResultT")


def from_values(
    values: Mapping[str, pulumi.Input[str]], make: Callable[[dict[str, str]], ResultT]
) -> pulumi.Input[ResultT]:
    """What a function makes from values: at once, or as an Output if one of them is.

    Args:
        values: Values by name.
        make: Function of the known values.
    """
    if not _has_outputs(dict(values)):
        return make(cast("dict[str, str]", dict(values)))
    return pulumi.Output.from_input(dict(values)).apply(lambda known: make(cast("dict[str, str]", known)))


def when_known(settings: SettingsT, make: Callable[[SettingsT], ResultT]) -> pulumi.Input[ResultT]:
    """What a function makes from settings: at once, or as an Output if one of their values is.

    Args:
        settings: Settings. Once the values of their Outputs are known, they are validated again as a whole.
        make: Function of settings without Outputs.
    """
    if not _has_outputs(settings):
        return make(settings)
    values: pulumi.Output[Any] = pulumi.Output.from_input(_plain(settings))
    return values.apply(lambda known: make(parse(type(settings), known)))


def _has_outputs(value: object) -> bool:
    if isinstance(value, Settings):
        return any(_has_outputs(getattr(value, name)) for name in type(value).model_fields)
    if isinstance(value, dict):
        return any(map(_has_outputs, value.values()))
    return any(map(_has_outputs, value)) if isinstance(value, list | tuple) else is_output(value)


def _plain(value: object) -> Any:  # noqa: ANN401 - any value of settings
    """Settings as a mapping of the values that were given, in which pulumi finds the Outputs."""
    if isinstance(value, Settings):
        return {
            name: _plain(getattr(value, name)) for name in type(value).model_fields if name in value.model_fields_set
        }
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
