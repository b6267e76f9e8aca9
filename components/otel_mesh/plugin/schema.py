"""The schema of the Pulumi package: output of ``pulumi package get-schema``, source of SDKs in other languages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from otel_mesh.k8s.component import PACKAGE, Component
from otel_mesh.mesh.binding import MeshBinding
from otel_mesh.plugin.annotations import Field, fields, is_object, members, short_form, summary

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANY: Final = {"$ref": "pulumi.json#/Any"}
_SIMPLE: Final = {str: "string", int: "integer", float: "number", bool: "boolean"}
_LANGUAGES: Final = ("nodejs", "python", "csharp", "java", "go")


def package_schema(version: str, components: Mapping[type[Component], type]) -> dict[str, Any]:
    """The schema of a package.

    Args:
        version: Version of the package.
        components: Components, each with the class of its arguments.
    """
    types: dict[str, Any] = {}
    resources = {_token(one.TYPE): _resource(one, arguments, types) for one, arguments in components.items()}
    return {
        "name": PACKAGE,
        "version": version,
        "displayName": PACKAGE,
        "description": "Typed components for an observable service mesh",
        "license": "Apache-2.0",
        "language": {name: {"respectSchemaVersion": True} for name in _LANGUAGES},
        "resources": resources,
        "types": types,
    }


def _token(name: str) -> str:
    return f"{PACKAGE}:index:{name}"


def _resource(component: type[Component], arguments: type, types: dict[str, Any]) -> dict[str, Any]:
    inputs = _object(arguments, types, inputs=True)
    return {
        **_object(component, types, inputs=False),
        "isComponent": True,
        "description": summary(component),
        "inputProperties": inputs["properties"],
        "requiredInputs": inputs["required"],
    }


def _object(owner: type, types: dict[str, Any], *, inputs: bool) -> dict[str, Any]:
    found = fields(owner)
    properties = {}
    for one in found:
        spec = dict(_spec(one.annotation, types, _enum_name(owner, one)))
        if one.description:
            spec["description"] = one.description
        if inputs and one.plain and one.annotation is not MeshBinding:
            spec["plain"] = True
        properties[one.public_name] = spec
    return {
        "type": "object",
        "properties": properties,
        "required": [one.public_name for one in found if one.required],
    }


def _enum_name(owner: type, field: Field) -> str:
    """Name of the values that a field may have, which has none in Python: ``JaegerSettingsKind``."""
    return f"{owner.__name__}{field.public_name[0].upper()}{field.public_name[1:]}"


def _enum(name: str, values: tuple[str, ...], types: dict[str, Any]) -> dict[str, Any]:
    """The reference to an enumeration; equal ones of several owners stay apart, so that each keeps its name."""
    types[_token(name)] = {"type": "string", "enum": [{"name": _member(one), "value": str(one)} for one in values]}
    return {"$ref": f"#/types/{_token(name)}"}


def _member(value: str) -> str:
    """Name of an enumeration's member: ``AllkeysLru`` for ``allkeys-lru``."""
    words = re.split(r"[^A-Za-z0-9]+", value)
    return "".join(word[:1].upper() + word[1:] for word in words) or "Empty"


def _spec(annotation: Any, types: dict[str, Any], name: str) -> dict[str, Any]:  # noqa: ANN401 - annotations have no common type
    if annotation in _SIMPLE:
        return {"type": _SIMPLE[annotation]}
    if get_origin(annotation) is Literal:
        return _enum(name, get_args(annotation), types)
    container = members(annotation)
    if container is not None:
        kind, member = container
        return {"type": kind, "items" if kind == "array" else "additionalProperties": _spec(member, types, name)}
    if (whole := short_form(annotation)) is not None:
        return {"oneOf": [{"type": "string"}, _spec(whole, types, name)]}
    # a binding is passed as the platform's stack exports it
    if is_object(annotation) and annotation is not MeshBinding:
        token = _token(annotation.__name__)
        if token not in types:
            types[token] = {"description": summary(annotation)}  # before its fields, which may contain it
            types[token] |= _object(annotation, types, inputs=True)
        return {"$ref": f"#/types/{token}"}
    return dict(_ANY)
