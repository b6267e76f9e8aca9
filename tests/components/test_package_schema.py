"""The schema of the Pulumi package: values that a field may have, and types inside types, are not lost."""

from __future__ import annotations

from typing import Any, Final

from otel_mesh import Service
from otel_mesh.plugin.provider import components, read_inputs
from otel_mesh.plugin.schema import package_schema

SCHEMA: Final = package_schema("0.1.0", components())
TYPES: Final[dict[str, dict[str, Any]]] = SCHEMA["types"]


def _values(owner: str, field: str) -> list[str]:
    spec = TYPES[f"otel-mesh:index:{owner}"]["properties"][field]
    spec = spec.get("items", spec)
    return [one["value"] for one in TYPES[spec["$ref"].removeprefix("#/types/")]["enum"]]


def test_the_values_of_a_field_are_an_enumeration() -> None:
    assert _values("Storage", "kind") == ["ephemeral", "persistent"]
    assert _values("StoreTls", "mode") == ["disable", "require", "verify-ca", "verify-full"]
    assert _values("Operation", "methods")[:2] == ["GET", "HEAD"]
    assert _values("Access", "label") == ["app.kubernetes.io/name", "app.kubernetes.io/instance"]


def test_members_have_names_that_every_language_can_spell() -> None:
    for token, one in TYPES.items():
        names = [member["name"] for member in one.get("enum", ())]
        assert all(name.isidentifier() for name in names), token
        assert len(set(names)) == len(names), token


def test_types_inside_types_are_kept() -> None:
    database = SCHEMA["resources"]["otel-mesh:index:Microservice"]["inputProperties"]["database"]
    assert database["$ref"] == "#/types/otel-mesh:index:DatabaseAccess"
    assert TYPES["otel-mesh:index:DatabaseAccess"]["properties"]["tls"]["$ref"] == "#/types/otel-mesh:index:StoreTls"
    assert TYPES["otel-mesh:index:StoreTls"]["properties"]["ca"]["$ref"] == "#/types/otel-mesh:index:Certificates"


def test_a_name_may_stand_for_an_object() -> None:
    calls = TYPES["otel-mesh:index:Service"]["properties"]["calls"]["items"]
    assert calls == {"oneOf": [{"type": "string"}, {"$ref": "#/types/otel-mesh:index:Call"}]}
    outside = {"externalCalls": ["a.example.com", {"host": "b.example.com", "port": 8443}], "name": "web", "port": 8080}
    assert Service.model_validate(read_inputs(Service, outside)).external_calls[1].port == 8443


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> list[str]:  # noqa: ANN401 - any part of the schema
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [one for part in value.values() for one in references(part)]
        return [one for part in value for one in references(part)] if isinstance(value, list) else []

    found = {one.removeprefix("#/types/") for one in references(SCHEMA) if one.startswith("#/types/")}
    assert found
    assert found <= TYPES.keys()
