"""The JSON schema of a stack file, for editors: generated from the settings' models and their docstrings.

``python -m otel_mesh_stack.schema`` prints it; ``make schema`` writes it to ``infra/schema/``.
"""

from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING, Any, Final

from otel_mesh import Settings
from otel_mesh_stack.model import StackSettings
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY: Final = "otel-mesh:settings"
_ATTRIBUTE: Final = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
_MARKUP: Final = re.compile(r"`+")


def document() -> dict[str, Any]:
    """The schema of ``Pulumi.<stack>.yaml``.

    Editors check names, types, bounds and patterns with it. The program checks combinations of settings, before it
    declares anything.
    """
    settings = StackSettings.model_json_schema()
    definitions = settings.pop("$defs")
    definitions[StackSettings.__name__] = settings
    for model in _models():
        if model.__name__ in definitions:
            _describe(definitions[model.__name__], model)
    names = [service.name for service in CATALOG.services]
    definitions[StackSettings.__name__]["properties"]["services"]["propertyNames"] = {"enum": names}
    plain: dict[str, Any] = _tidy(definitions)
    return {
        # the version with the best support in YAML editors
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A stack of otel-mesh",
        "type": "object",
        "required": ["config"],
        "additionalProperties": False,
        "properties": {
            "config": {
                "type": "object",
                "required": [_KEY],
                "properties": {_KEY: {"$ref": f"#/$defs/{StackSettings.__name__}"}},
                "patternProperties": {"^otel-mesh:(?!settings$)": False},
            },
            # written by the Pulumi CLI
            "encryptionsalt": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "secretsprovider": {"type": "string"},
            "environment": {},
        },
        "$defs": plain,
    }


def text() -> str:
    """The content of the schema's file."""
    return json.dumps(document(), indent=2) + "\n"


def _models(base: type[Settings] = Settings) -> Iterator[type[Settings]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


def _describe(schema: dict[str, Any], model: type[Settings]) -> None:
    """Adds the docstrings as descriptions."""
    documented = _attributes(model)
    summary = (inspect.getdoc(model) or "").partition("\n\n")[0]
    schema["description"] = _plain(summary)
    for name, value in schema.get("properties", {}).items():
        if name in documented:
            value["description"] = documented[name]


def _attributes(model: type[Settings]) -> dict[str, str]:
    """Descriptions of the fields in the docstrings of a model and its bases."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        section = (inspect.getdoc(one) or "").partition("Attributes:\n")[2]
        found |= {match[1]: _plain(match[2]) for match in _ATTRIBUTE.finditer(section)}
    return found


def _plain(text: str) -> str:
    return _MARKUP.sub("", " ".join(text.split()))


def _tidy(value: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """The schema without pydantic's titles; a key that matches no pattern is invalid."""
    if isinstance(value, list):
        return [_tidy(one) for one in value]
    if not isinstance(value, dict):
        return value
    tidy = {key: _tidy(one) for key, one in value.items() if not (key == "title" and isinstance(one, str))}
    if "patternProperties" in tidy:
        tidy.setdefault("additionalProperties", False)
    return tidy


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 - this is what it is called for
