"""A Sphinx extension for the API reference: public names room by room, with types and defaults of their fields."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_origin

from docutils import nodes
from docutils.statemachine import StringList
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from sphinx.directives import ObjectDescription
from sphinx.domains.python import PythonDomain
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from types import ModuleType

    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

_FIELD: Final = re.compile(r"(\w+): (.*)")
_LONGEST_DEFAULT: Final = 40


def public_names(package: str, rooms: list[str]) -> list[tuple[str, str]]:
    """Public names of a package that are defined in some of its rooms, sorted, each with its module.

    Args:
        package: Importable package with ``__all__`` and, if it exports more than classes and functions, a stub.
        rooms: Prefixes of module names below the package, such as ``backends``; all names if empty.
    """
    module = importlib.import_module(package)
    prefixes = tuple(f"{package}.{room}." for room in rooms) or (f"{package}.",)
    homes = {name: _home(module, name) for name in sorted(module.__all__)}
    return [(name, home) for name, home in homes.items() if f"{home}.".startswith(prefixes)]


def _home(module: ModuleType, name: str) -> str:
    """The module that defines a name: a constant does not know it, the package's stub does."""
    one = getattr(module, name)
    if _is_class(one) or inspect.isfunction(one):
        return str(one.__module__)
    stub = ast.parse(Path(str(module.__file__)).with_suffix(".pyi").read_text())
    imports = (one for one in stub.body if isinstance(one, ast.ImportFrom))
    return next(f"{module.__name__}.{one.module}" for one in imports if name in {alias.name for alias in one.names})


def _is_class(one: object) -> bool:
    return isinstance(one, type) and get_origin(one) is None  # dict[str, int] passes for a class


class PublicNames(SphinxDirective):
    """Documents public names: ``.. public-names:: otel_mesh backends services``."""

    required_arguments = 1
    optional_arguments = 99

    def run(self) -> list[nodes.Node]:
        """Expands to one directive of autodoc for each name."""
        package, *rooms = self.arguments
        lines = StringList()
        for name, home in public_names(package, rooms):
            one = getattr(importlib.import_module(package), name)
            if _is_class(one):
                wanted = [f".. autoclass:: {package}.{name}", "   :members:", "   :exclude-members: model_config"]
            elif inspect.isfunction(one):
                wanted = [f".. autofunction:: {package}.{name}"]
            else:  # a constant or an alias of a type: its docstring is in the source of its module
                text = ModuleAnalyzer.for_module(home).find_attr_docs().get(("", name), [])
                wanted = [f".. py:data:: {package}.{name}", "", *(f"   {line}" for line in text)]
            for line in (*wanted, ""):
                lines.append(line, f"<{package}>")
        holder = nodes.container()
        self.state.nested_parse(lines, self.content_offset, holder)
        return list(holder.children)


def field_types(cls: type) -> dict[str, str]:
    """Fields of a settings model or a dataclass: the type as the source spells it, and a short default."""
    annotations: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        annotations |= {name: str(one) for name, one in inspect.get_annotations(base).items()}
    defaults: dict[str, Any] = {}
    if issubclass(cls, BaseModel):
        defaults = {name: one.default for name, one in cls.model_fields.items() if one.default is not PydanticUndefined}
    elif dataclasses.is_dataclass(cls):
        fields = dataclasses.fields(cls)
        defaults = {one.name: one.default for one in fields if one.default is not dataclasses.MISSING}
    return {name: _typed(annotation, name, defaults) for name, annotation in annotations.items()}


def _typed(annotation: str, name: str, defaults: dict[str, Any]) -> str:
    annotation = re.sub(r"^Annotated\[(\w+), .*\]$", r"\1", annotation)
    default = repr(defaults[name]).replace("*", r"\*") if name in defaults else ""  # not the emphasis of the markup
    return f"{annotation}, default {default}" if 0 < len(default) <= _LONGEST_DEFAULT else annotation


def _add_field_types(_app: Sphinx, what: str, _name: str, cls: Any, _options: object, lines: list[str]) -> None:  # noqa: ANN401 - of any kind; autodoc's own signature
    """Puts the type of each field into the docstring's Attributes section, where napoleon looks for it."""
    if what != "class" or "Attributes:" not in lines:
        return
    types = field_types(cls)
    start = lines.index("Attributes:") + 1
    for number, line in enumerate(lines[start:], start):
        if line and not line.startswith(" "):
            break
        match = _FIELD.fullmatch(line.removeprefix("    "))
        if match and match[1] in types:
            lines[number] = f"    {match[1]} ({types[match[1]]}): {match[2]}"


def _shorten_signature(
    _app: Sphinx,
    what: str,
    _name: str,
    cls: Any,  # noqa: ANN401 - of any kind
    _options: object,
    _signature: str | None,
    _returns: str | None,
) -> tuple[str, None] | None:
    """Leaves out the signature of settings and arguments: the list of fields says it, and more."""
    fields = what == "class" and (issubclass(cls, BaseModel) or dataclasses.is_dataclass(cls))
    return ("", None) if fields else None


def setup(app: Sphinx) -> ExtensionMetadata:
    """Registers the directive and the hooks of autodoc."""
    described = PythonDomain.directives["class"]
    for one in described.doc_field_types if issubclass(described, ObjectDescription) else ():
        if one.name == "variable":
            one.label = "Fields"  # Sphinx's own word, Variables, is not what a class's attributes are
    app.add_directive("public-names", PublicNames)
    app.connect("autodoc-process-docstring", _add_field_types, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", _shorten_signature)
    return {"version": "1", "parallel_read_safe": True}
