"""Environment variables of a container: plain text, or read from a Secret, a ConfigMap or a field of the pod."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.outputs import NameInput, ValueInput, is_output
from otel_mesh.core.patterns import Pattern
from otel_mesh.core.values import ObjectKey, Settings

if TYPE_CHECKING:
    from typing import Self

    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

VariableName = Annotated[
    str,
    Pattern(
        re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}"),
        "is not the name of a variable; use letters, digits and underscores, beginning with a letter",
    ),
]
"""Name of an environment variable."""

PodField = Annotated[
    str,
    Pattern(
        re.compile(
            r"metadata\.(?:name|namespace|uid)|metadata\.(?:labels|annotations)\['[^']{1,316}'\]"
            r"|spec\.(?:nodeName|serviceAccountName)|status\.(?:hostIP|hostIPs|podIP|podIPs)"
        ),
        "is not a field that a variable can hold; write one such as status.hostIP or metadata.labels['app']",
    ),
]
"""Field of the pod in the downward API."""

_SOURCES = ("value", "secret", "config_map", "field")


class Variable(Settings):
    """Value of an environment variable; plain text stands for ``{value: text}``.

    Attributes:
        value: Text; Kubernetes expands ``$(OTHER)`` in it.
        secret: Name of an existing Secret of the namespace.
        config_map: Name of an existing ConfigMap of the namespace.
        key: Key of the Secret or the ConfigMap.
        field: Field of the pod, such as ``status.hostIP``.
        optional: Whether the pod starts without the Secret, the ConfigMap or the key.
    """

    value: ValueInput | None = None
    secret: NameInput | None = None
    config_map: NameInput | None = None
    key: ObjectKey | None = None
    field: PodField | None = None
    optional: bool = False

    @model_validator(mode="before")
    @classmethod
    def _text(cls, given: object) -> object:
        if isinstance(given, bool | int | float):
            raise InvalidSettingsError([Problem("", "is not text", "write it in quotes")])
        return {"value": given} if isinstance(given, str) or is_output(given) else given

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        problems = []
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            told = f"{' and '.join(given)} are given" if given else "no value"
            problems.append(Problem("", told, f"give one of {', '.join(_SOURCES)}"))
        keyed = self.secret is not None or self.config_map is not None
        if keyed and self.key is None:
            problems.append(Problem("key", "required but missing", "name the key of the Secret or the ConfigMap"))
        if not keyed and (self.key is not None or self.optional):
            unused = "key" if self.key is not None else "optional"
            problems.append(Problem(unused, "has an effect with a Secret or a ConfigMap only", "remove it"))
        if problems:
            raise InvalidSettingsError(problems)
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        own = handler.resolve_ref_schema(handler(schema))
        own["type"] = ["object", "string"]
        return own

    def manifest(self) -> dict[str, Any]:
        """The entry of the container's ``env``, without its name."""
        if self.value is not None:
            return {"value": self.value}
        if self.field is not None:
            return {"valueFrom": {"fieldRef": {"fieldPath": self.field}}}
        kind = "secretKeyRef" if self.secret is not None else "configMapKeyRef"
        name = self.secret if self.secret is not None else self.config_map
        reference: dict[str, Any] = {"name": name, "key": self.key}
        return {"valueFrom": {kind: {**reference, **({"optional": True} if self.optional else {})}}}


Variables = dict[VariableName, Variable]
"""Environment variables by name."""
