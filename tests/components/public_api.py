"""The public API of a package, one line for each name, field, method and function."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from typing import TYPE_CHECKING, Any, ClassVar, get_origin, is_typeddict

from pydantic import BaseModel, TypeAdapter

from otel_mesh.k8s.component import Component

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def listing(package: str) -> str:
    """Names, fields with types and defaults, methods and functions with signatures, type tokens and outputs."""
    module = importlib.import_module(package)
    lines: list[str] = []
    for name in sorted(module.__all__):
        one = getattr(module, name)
        if inspect.isclass(one):
            lines += _class(name, one, module.__all__)
        elif inspect.isfunction(one):
            lines.append(f"{name}{_signature(one)}")
        else:
            lines.append(f"{name} = {_value(one)}")
    return "".join(f"{line}\n" for line in lines)


def _signature(function: Any) -> str:  # noqa: ANN401 - any callable
    text = str(inspect.signature(function))
    return text.replace("'", "")


def _value(one: Any) -> object:  # noqa: ANN401 - a constant or a type
    """A constant as it is; a type of settings as the JSON schema of its values."""
    return one if isinstance(one, int | str | dict) else TypeAdapter(one).json_schema()


def _class(name: str, owner: type, public: Collection[str]) -> Iterator[str]:
    bases = ", ".join(base.__name__ for base in owner.__bases__ if base is not object)
    yield f"class {name}({bases})" if bases else f"class {name}"
    yield from (f"{name}.{line}" for line in sorted({*_fields(owner), *_methods(owner, public)}))


def _fields(owner: type) -> Iterator[str]:
    if issubclass(owner, BaseModel):
        for name, field in owner.model_fields.items():
            default = "" if field.is_required() else f" = {field.get_default(call_default_factory=True)!r}"
            yield f"{name}: {_annotation(owner, name)}{default}"
    elif dataclasses.is_dataclass(owner):
        for one in dataclasses.fields(owner):
            has_default = one.default is not dataclasses.MISSING or one.default_factory is not dataclasses.MISSING
            yield f"{one.name}: {one.type}{' = ...' if has_default else ''}"
    elif issubclass(owner, Component) and owner is not Component:
        yield f"TYPE = {owner.TYPE!r}"
        yield from (f"FORMER_TYPES: {former!r}" for former in owner.FORMER_TYPES)
        for name, annotation in inspect.get_annotations(owner, eval_str=True).items():
            origin: Any = get_origin(annotation)
            if origin is not ClassVar:
                yield f"{name}: {_annotation(owner, name)}"
    elif is_typeddict(owner):
        yield from (f"{name}: {one.__forward_arg__}" for name, one in inspect.get_annotations(owner).items())
    else:
        yield from (f"{name}: {text}" for name, text in inspect.get_annotations(owner).items() if name[0] != "_")


def _annotation(owner: type, name: str) -> str:
    """The annotation in the source of the field's class."""
    found = (vars(base).get("__annotations__", {}).get(name) for base in owner.__mro__)
    return str(next(text for text in found if text is not None))


def _methods(owner: type, public: Collection[str]) -> Iterator[str]:
    package = owner.__module__.partition(".")[0]
    for base in owner.__mro__:
        own = base.__module__.partition(".")[0] == package  # what a base without a public name gives is public, too
        if base.__name__ not in public and not own:
            continue
        for name, one in vars(base).items():
            if isinstance(one, property) and name[0] != "_":
                yield f"{name}: property"
            elif inspect.isfunction(one) and (name[0] != "_" or (name == "__init__" and base is owner)):
                yield f"{name}{_signature(one)}"
