"""The kinds of both meshes: their types are those of the real definitions, and every object is made through them."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Final, Literal, NotRequired, Union, get_args, get_origin, get_type_hints

import pulumi
import pytest
import yaml
from jsonschema import Draft7Validator
from typing_extensions import TypedDict, is_typeddict

from otel_mesh.k8s.kinds import Kind
from otel_mesh.mesh.gateway_api import kinds as gateway_api
from otel_mesh.mesh.istio import kinds as istio
from otel_mesh.mesh.linkerd import kinds as linkerd
from otel_mesh_cli.core.paths import repo_dir
from tests.components.definitions import closed, mesh_schemas
from tests.components.golden_files import GOLDEN
from tests.linkerd_charts import LACKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.built import Built
    from tests.components.definitions import Schemas

KINDS: Final = [
    one for module in (istio, linkerd, gateway_api) for one in vars(module).values() if isinstance(one, Kind)
]
JUDGED: Final = [one for one in KINDS if one.name not in LACKING]
OF_MESHES: Final = re.compile(
    r"\b(?:istio\.io|linkerd\.io|gateway\.networking\.k8s\.io|gateway\.envoyproxy\.io)/v[0-9]"
)
OF_INPUTS: Final = {"Output": pulumi.Output, "T": Any}
"""Names in `pulumi.Input` that stand for something in pulumi's own module only."""
PLAIN: Final = {str: "string", int: "integer", float: "number", bool: "boolean"}


@pytest.fixture(scope="module")
def schemas(built: Built) -> Schemas:
    return mesh_schemas(built)


def reviewed() -> list[dict[str, Any]]:
    """The meshes' objects of all golden files."""
    found = [one for path in GOLDEN.rglob("*.yaml") for one in yaml.load_all(path.read_text(), yaml.CSafeLoader)]
    return [one for one in found if OF_MESHES.search(one.get("apiVersion", ""))]


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    return reviewed()


def problems(declared: Any, schema: dict[str, Any], path: str) -> Iterator[str]:  # noqa: ANN401 - any type
    """Where a declared type is not that of a field's schema."""
    declared = _bare(declared)
    if is_typeddict(declared):
        yield from _object_problems(declared, schema, path)
    elif get_origin(declared) is list:
        (item,) = get_args(declared)
        yield from [] if schema.get("type") == "array" else [f"{path}: not an array"]
        yield from problems(item, schema.get("items", {}), f"{path}[]")
    elif get_origin(declared) is dict:
        yield from _map_problems(get_args(declared)[1], schema, path)
    else:
        yield from _value_problems(declared, schema, path)


def _bare(declared: Any) -> Any:  # noqa: ANN401 - any type
    """A type without `NotRequired`, and the plain value of a `pulumi.Input`."""
    if get_origin(declared) is NotRequired:
        (declared,) = get_args(declared)
    if get_origin(declared) is Union:
        plain = [one for one in get_args(declared) if get_origin(one) not in (Awaitable, pulumi.Output)]
        return Union[tuple(plain)]  # noqa: UP007 - of a tuple
    return declared


def _object_problems(declared: Any, schema: dict[str, Any], path: str) -> Iterator[str]:  # noqa: ANN401 - any type
    hints = get_type_hints(declared, localns=OF_INPUTS, include_extras=True)
    known = schema.get("properties", {})
    if schema.get("type") != "object":
        yield f"{path}: not an object"
    for name, hint in hints.items():
        if name in known:
            yield from problems(hint, known[name], f"{path}.{name}")
        else:
            yield f"{path}.{name}: unknown"
    optional = {name for name, hint in hints.items() if get_origin(hint) is NotRequired}
    # a postponed annotation hides NotRequired from the class itself
    for name in sorted(set(schema.get("required", ())) - (declared.__required_keys__ - optional)):
        yield f"{path}.{name}: required, but not of the type"


def _map_problems(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:  # noqa: ANN401 - any type
    if schema.get("type") != "object":
        yield f"{path}: not an object"
    elif isinstance(of_each := schema.get("additionalProperties"), dict):
        yield from problems(value, of_each, f"{path}.*")
    elif not schema.get("x-kubernetes-preserve-unknown-fields"):
        yield f"{path}: not a map"


def _value_problems(declared: Any, schema: dict[str, Any], path: str) -> Iterator[str]:  # noqa: ANN401 - any type
    values = set(get_args(declared))
    if get_origin(declared) is Literal:
        (kind,) = {PLAIN[type(value)] for value in values}
        if schema.get("type") != kind:
            yield f"{path}: not {'an' if kind[0] in 'aeiou' else 'a'} {kind}"
        if unknown := values - set(schema.get("enum", values)):
            yield f"{path}: {', '.join(sorted(map(str, unknown)))} not among the values of the enum"
    elif values:
        if values != {int, str} or not schema.get("x-kubernetes-int-or-string"):
            yield f"{path}: not a number or name"
    elif schema.get("type") != PLAIN.get(declared):
        yield f"{path}: {declared} for {schema.get('type')}"
    elif "enum" in schema:
        yield f"{path}: a value of an enum needs a Literal"


def test_only_kinds_without_a_definition_are_left_out(schemas: Schemas) -> None:
    listed = {(one.api_version, one.name) for one in KINDS}
    assert {name for version, name in listed if (version, name) not in schemas} == LACKING.keys()


@pytest.mark.parametrize("kind", JUDGED, ids=[f"{one.api_version}/{one.name}" for one in JUDGED])
def test_the_type_of_a_kind_is_that_of_its_definition(kind: Kind[Any], schemas: Schemas) -> None:
    schema = schemas[kind.api_version, kind.name]["properties"]["spec"]
    assert list(problems(kind.spec, schema, "spec")) == []


def test_every_object_is_valid_by_its_definition(objects: list[dict[str, Any]], schemas: Schemas) -> None:
    judged = [one for one in objects if one["kind"] not in LACKING]
    validators = {key: Draft7Validator(closed(schemas[key])) for key in sorted(_keys(judged))}
    for one in judged:
        validator = validators[one["apiVersion"], one["kind"]]
        where = f"{one['kind']} {one['metadata']['name']}"
        assert [f"{where}: {error.message}" for error in validator.iter_errors(one)] == []


def test_golden_files_hold_every_kind_and_no_other(objects: list[dict[str, Any]]) -> None:
    listed = {(one.api_version, one.name) for one in KINDS}
    assert _keys(objects) == listed


def _keys(objects: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(one["apiVersion"], one["kind"]) for one in objects}


def test_no_object_of_a_mesh_is_made_past_its_kind() -> None:
    """Versions are written beside objects of Kubernetes itself and of cert-manager only."""
    sources = [path.read_text() for path in (repo_dir() / "components" / "otel_mesh" / "mesh").rglob("*.py")]
    found = {match for text in sources for match in re.findall(r'"apiVersion": ([^,]+)', text)}
    assert found == {'"v1"', 'f"{_RBAC}/v1"', 'f"{_ADMISSION}/v1"', '"cert-manager.io/v1"'}


def test_a_misspelt_field_is_a_type_error() -> None:
    """The type checker reports the comments below when they suppress nothing."""
    istio.SIDECAR.manifest({}, {"egres": []})  # type: ignore[typeddict-item]
    istio.PEER_AUTHENTICATION.manifest({}, {"mtls": {"mode": "LAX"}})  # type: ignore[typeddict-item]
    linkerd.RATE_LIMIT.manifest({}, {"total": {"requestsPerSecond": 5}})  # type: ignore[typeddict-item]


class Routes(TypedDict):
    """A type with one mistake of each sort."""

    hostz: list[str]
    http: dict[str, str]
    mode: Literal["SIMPEL"]
    port: str
    protocol: str
    retries: NotRequired[int]


def test_a_type_that_differs_from_its_definition_is_found() -> None:
    text = {"type": "string"}
    schema = {
        "type": "object",
        "required": ["retries"],
        "properties": {
            "hosts": {"type": "array", "items": text},
            "http": {"type": "array", "items": text},
            "mode": {"type": "string", "enum": ["SIMPLE"]},
            "port": {"type": "integer"},
            "protocol": {"type": "string", "enum": ["HTTP", "TCP"]},
            "retries": {"type": "integer"},
        },
    }
    assert list(problems(Routes, schema, "spec")) == [
        "spec.hostz: unknown",
        "spec.http: not an object",
        "spec.mode: SIMPEL not among the values of the enum",
        "spec.port: <class 'str'> for integer",
        "spec.protocol: a value of an enum needs a Literal",
        "spec.retries: required, but not of the type",
    ]
