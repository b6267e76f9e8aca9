"""The JSON schema that editors use for stack files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft7Validator

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_stack import schema
from tests.infra import mistakes
from tests.infra.stack_config import changed, stack_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.infra.mistake import Mistake

FILE = repo_dir() / "infra" / "schema" / "stack.schema.json"
DOCUMENT = schema.document()
VALIDATOR = Draft7Validator(DOCUMENT)


def _found(settings: object, beside: Mapping[str, object] | None = None, **document: object) -> list[str]:
    """Places at which the schema finds something: in the settings, beside them, or in other parts of the file."""
    errors = VALIDATOR.iter_errors({"config": {"otel-mesh:settings": settings, **(beside or {})}, **document})
    return [".".join(str(part) for part in error.absolute_path) for error in errors]


def test_the_schema_file_matches_the_models() -> None:
    assert FILE.read_text() == schema.text(), "run `make schema`"
    Draft7Validator.check_schema(DOCUMENT)


@pytest.mark.parametrize("stack", ["local", "dev", "prod"])
def test_the_stack_files_are_valid_and_name_their_schema(stack: str) -> None:
    text = (repo_dir() / f"Pulumi.{stack}.yaml").read_text()
    assert list(VALIDATOR.iter_errors(yaml.safe_load(text))) == []
    named = re.search(r"\A# yaml-language-server: \$schema=(\S+)\n", text)
    assert named is not None
    assert repo_dir() / named[1] == FILE


@pytest.mark.parametrize("mistake", [one for one in mistakes.SETTINGS if one.in_editor], ids=lambda one: one.what)
def test_an_editor_shows_a_mistake(mistake: Mistake) -> None:
    assert _found(changed(**mistake.changes), mistake.beside)


@pytest.mark.parametrize("mistake", [one for one in mistakes.SETTINGS if not one.in_editor], ids=lambda one: one.what)
def test_contradictions_are_left_to_the_program(mistake: Mistake) -> None:
    assert _found(changed(**mistake.changes)) == []


def test_keys_of_the_cli_are_valid_and_misspelt_ones_are_not() -> None:
    right = stack_settings("prod")
    assert _found(right, encryptionsalt="v1:abc") == []
    assert _found(right, encryptionsalts="v1:abc") == [""]
    assert list(VALIDATOR.iter_errors({"config": {"otel-mesh:setings": right}}))
    assert not list(VALIDATOR.iter_errors({"config": {"otel-mesh:settings": right, "aws:region": "eu-west-1"}}))


def _properties(value: object, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(value, dict):
        return []
    own = [(f"{path}.{name}", one) for name, one in value.get("properties", {}).items()]
    return own + [found for key, one in value.items() for found in _properties(one, f"{path}.{key}")]


def test_every_setting_has_a_description() -> None:
    found = [(path, one) for path, one in _properties(DOCUMENT["$defs"]) if path.count(".") == 2]
    assert len(found) > 80
    assert [path for path, one in found if not one.get("description")] == []


def test_patterns_use_syntax_editors_support() -> None:
    patterns = re.findall(r'"(?:pattern|\^)[^"]*": ?"([^"]*)"', FILE.read_text())
    assert patterns
    assert not [one for one in patterns if re.search(r"\\\\Z|\(\?P<|\(\?[aiLmsux]", one)]
