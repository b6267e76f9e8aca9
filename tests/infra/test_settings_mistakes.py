"""Problems in stack files and the catalog: path, reason and remedy, before anything is registered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pulumi
import pytest

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_stack.program import run
from otel_mesh_stack.settings import read
from tests.components.pulumi_program import settle
from tests.infra import mistakes
from tests.infra.stack_config import accepted, changed, refused, use

if TYPE_CHECKING:
    import asyncio

    from tests.infra.mistake import Mistake


@pytest.mark.parametrize("mistake", mistakes.SETTINGS, ids=lambda one: one.what)
def test_a_problem_in_the_settings(mistake: Mistake) -> None:
    assert refused(changed(**mistake.changes), mistake.beside) == list(mistake.told)


@pytest.mark.parametrize("mistake", mistakes.CATALOGUE, ids=lambda one: one.what)
def test_a_problem_in_the_catalog(mistake: mistakes.CatalogMistake) -> None:
    assert mistake.refusal() == list(mistake.told)


@pytest.mark.parametrize("mistake", mistakes.SETTINGS[:3], ids=lambda one: one.what)
def test_a_program_with_problems_registers_nothing(mistake: Mistake, loop: asyncio.AbstractEventLoop) -> None:
    mocks = use(changed(**mistake.changes), beside=mistake.beside)
    settle(loop)
    mocks.registered.clear()  # the stack itself
    with pytest.raises(pulumi.RunError):
        run()
    settle(loop)
    assert mocks.registered == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            None,
            (
                "otel-mesh:settings: required but missing; "
                "add it to Pulumi.local.yaml, with at least environment and cluster"
            ),
        ),
        ([], "otel-mesh:settings: should be a mapping; write keys with their values below it"),
        ("text", "otel-mesh:settings: should be a mapping; write keys with their values below it"),
    ],
)
def test_settings_that_are_not_a_mapping(values: object, told: str) -> None:
    assert refused(values) == [told]


def test_a_misspelt_key_of_the_settings_is_reported() -> None:
    assert refused(None, {"otel-mesh:settigns": changed()}) == [
        "otel-mesh:settigns: unknown key; did you mean 'otel-mesh:settings'?",
        "otel-mesh:settings: required but missing; add it to Pulumi.local.yaml, with at least environment and cluster",
    ]


@pytest.mark.parametrize("key", ["aws:region", "kubernetes:context", "pulumi:tags", "otel-mesh-2:x"])
def test_keys_of_other_namespaces_are_ignored(key: str) -> None:
    assert accepted(changed(), beside={key: "x"}).settings.environment == "development"


def test_the_settings_are_the_only_key_that_the_program_reads() -> None:
    sources = [path for name in ("infra", "components") for path in (repo_dir() / name).rglob("*.py")]
    reading = {path.name: text for path in sources if "pulumi.Config(" in (text := path.read_text())}
    assert list(reading) == ["settings.py"]
    assert re.findall(r"pulumi\.Config\((.*)\n", reading["settings.py"]) == ["NAMESPACE).get_object(KEY)"]


def test_settings_that_are_not_json() -> None:
    use({})
    pulumi.runtime.set_all_config({"otel-mesh:settings": "{"})
    with pytest.raises(pulumi.RunError, match="otel-mesh:settings: is not a mapping; write a mapping of settings"):
        read()


def test_the_documented_table_matches_the_messages() -> None:
    table = mistakes.table()
    for mistake in (*mistakes.SETTINGS, *mistakes.CATALOGUE):
        for message in mistake.told:
            assert f"`{message}`" in table
