"""Fields of settings, arguments and components, read from annotations: source of the package's schema and inputs."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections import abc
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, Union, get_args, get_origin

import pulumi
from pydantic import BaseModel, BeforeValidator

_ENTRY: Final = re.compile(r"^(\w+): (.*(?:\n {4,}.*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Field:
    """A field of a class.

    Attributes:
        name: Name in Python.
        annotation: Type, without `pulumi.Input`, `pulumi.Output` and None.
        required: Whether the field has no default.
        plain: Whether the value has to be known at once, i.e. is not a `pulumi.Input`.
        description: Description in the class's docstring.
    """

    name: str
    annotation: Any
    required: bool
    plain: bool
    description: str

    @property
    def public_name(self) -> str:
        """Name in the package: ``memoryLimit`` for ``memory_limit``."""
        return camel_case(self.name)


def camel_case(name: str) -> str:
    """``memoryLimit`` for ``memory_limit``."""
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


def summary(documented: type) -> str:
    """The first paragraph of a docstring."""
    return inspect.cleandoc(documented.__doc__ or "").partition("\n\n")[0].replace("\n", " ")


def is_object(annotation: object) -> bool:
    """Whether a type is a dataclass or a pydantic model."""
    return isinstance(annotation, type) and (dataclasses.is_dataclass(annotation) or issubclass(annotation, BaseModel))


def fields(owner: type) -> list[Field]:
    """The fields of settings or arguments, or the outputs of a component."""
    described = _descriptions(owner)
    return [
        Field(
            name=name,
            annotation=_bare(annotation),
            required=required,
            plain=_wrapped(annotation) is None,
            description=described.get(name, ""),
        )
        for name, annotation, required in _declared(owner)
    ]


def _declared(owner: type) -> abc.Iterator[tuple[str, Any, bool]]:
    if issubclass(owner, BaseModel):
        for name, info in owner.model_fields.items():
            yield name, info.annotation, info.is_required()
        return
    annotations = inspect.get_annotations(owner, eval_str=True)
    if not dataclasses.is_dataclass(owner):
        for name, annotation in annotations.items():
            origin: Any = get_origin(annotation)
            if origin is not ClassVar:
                yield name, annotation, True
        return
    for one in dataclasses.fields(owner):
        default = one.default is not dataclasses.MISSING or one.default_factory is not dataclasses.MISSING
        yield one.name, annotations[one.name], not default


def _descriptions(owner: type) -> dict[str, str]:
    """Descriptions under ``Attributes:`` of the docstrings; a subclass overrides its bases."""
    found: dict[str, str] = {}
    for documented in reversed(owner.__mro__):
        _, _, listed = inspect.cleandoc(documented.__doc__ or "").partition("Attributes:\n")
        entries = inspect.cleandoc(listed.partition("\n\n")[0])
        found |= {match[1]: re.sub(r"\s+", " ", match[2]) for match in _ENTRY.finditer(entries)}
    return found


def _arms(annotation: object) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else ()


def _wrapped(annotation: object) -> object:
    """The type inside an Input or Output; None for other annotations."""
    if get_origin(annotation) is pulumi.Output:
        return get_args(annotation)[0]
    for arm in _arms(annotation):
        if get_origin(arm) is abc.Awaitable:
            return get_args(arm)[0]
    return None


def _bare(annotation: Any) -> Any:  # noqa: ANN401 - annotations have no common type
    """The type of a known value."""
    inner = _wrapped(annotation)
    if inner is not None:
        return _bare(inner)
    if get_origin(annotation) is Annotated:
        bare, *metadata = get_args(annotation)
        given_as = [one.json_schema_input_type for one in metadata if isinstance(one, BeforeValidator)]
        return given_as[0] if given_as and str in _arms(given_as[0]) else _bare(bare)
    given = [arm for arm in _arms(annotation) if arm is not types.NoneType]
    return _bare(given[0]) if len(given) == 1 else annotation


def short_form(annotation: object) -> Any | None:  # noqa: ANN401 - annotations have no common type
    """The object that a string may stand for; None for other types."""
    objects = [arm for arm in _arms(annotation) if is_object(arm)]
    return objects[0] if set(_arms(annotation)) == {str, *objects[:1]} and objects else None


def members(annotation: object) -> tuple[Literal["array", "object"], Any] | None:
    """Kind of a container and type of its members; None for other types."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (list, tuple, abc.Sequence, frozenset):
        return "array", _bare(arguments[0])
    if origin in (dict, abc.Mapping):
        return "object", _bare(arguments[1])
    return None
