"""B6: configurations are checked by the programs that read them, which are real here."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh.check.index import Index
from otel_mesh.check.objects import objects
from otel_mesh_cli.core import embedded
from otel_mesh_cli.review.introduced import findings
from otel_mesh_cli.stacks import stack_file
from otel_mesh_cli.stacks.declared import declared
from otel_mesh_cli.validation.asking import ask
from otel_mesh_cli.validation.configurations import PROGRAMS, of
from otel_mesh_cli.validation.validated import Validated, validated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from otel_mesh_cli.validation.asking import Question, Reply
    from tests.built import Built

UNREADABLE = "failed to get config: cannot unmarshal the configuration:"
"""How the Collector and Jaeger begin."""
SEVERAL = "decoding failed due to the following error(s):"
WRONG = (
    (
        "otel-collector",
        "config.yaml",
        ("limit_percentage:", "limit_percent:"),
        "OM901",
        (
            f"{UNREADABLE} {SEVERAL} 'processors' error reading configuration for \"memory_limiter\": "
            f"{SEVERAL} 'memorylimiter.Config' has invalid keys: limit_percent, spike_limit_percent"
        ),
    ),
    (
        "jaeger",
        "config.yaml",
        ("badger:", "badgr:"),
        "OM902",
        (
            f"{UNREADABLE} {SEVERAL} 'extensions' error reading configuration for \"jaeger_storage\": "
            f"{SEVERAL} 'backends[main]' {SEVERAL} '' has invalid keys: badgr"
        ),
    ),
    (
        "prometheus",
        "prometheus.yml",
        ("scrape_interval", "scrape_intervl"),
        "OM903",
        (
            "parsing YAML file /etc/prometheus/prometheus.yml: yaml: unmarshal errors: line 2: field "
            "scrape_intervl not found in type config.plain"
        ),
    ),
    (
        "prometheus",
        "telemetry_loss.rules.yaml",
        ("alert:", "alrt:"),
        "OM903",
        "/etc/prometheus/telemetry_loss.rules.yaml: yaml: unmarshal errors: line ",
    ),
    (
        "alertmanager",
        "alertmanager.yml",
        ("group_wait", "group_wat"),
        "OM904",
        "yaml: unmarshal errors: line 7: field group_wat not found in type config.plain",
    ),
)


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    content = stack_file.content(stack_file.require("prod"))
    return declared("prod", content["config"])


@pytest.fixture
def _programs(built: Built) -> None:
    built(*PROGRAMS)


def index(manifests: Sequence[dict[str, Any]]) -> Index:
    return Index(objects(manifests))


def changed(manifests: Sequence[dict[str, Any]], name: str, key: str, old: str, new: str) -> list[dict[str, Any]]:
    made = copy.deepcopy([*manifests])
    (one,) = (one for one in made if one["kind"] == "ConfigMap" and one["metadata"]["name"] == name)
    assert old in one["data"][key]
    one["data"][key] = one["data"][key].replace(old, new)
    return made


@pytest.mark.usefixtures("_programs")
def test_b6_the_programs_accept_what_the_stack_declares(manifests: list[dict[str, Any]]) -> None:
    assert {one.program for one in of(index(manifests))} == set(PROGRAMS)
    assert validated(index(manifests)) == (Validated(),)


@pytest.mark.usefixtures("_programs")
@pytest.mark.parametrize(("name", "key", "edit", "code", "message"), WRONG, ids=[f"{one[0]}-{one[1]}" for one in WRONG])
def test_b6_a_refused_configuration_names_object_field_and_the_programs_message(  # noqa: PLR0913, PLR0917 - a table
    name: str, key: str, edit: tuple[str, str], code: str, message: str, manifests: list[dict[str, Any]]
) -> None:
    base, proposed = validated(index(manifests), index(changed(manifests, name, key, *edit)))
    (one,) = findings(base.findings, proposed.findings).introduced
    assert (one.code.id, str(one.object), one.path) == (code, f"ConfigMap observability/{name}", f'data["{key}"]')
    assert f" refuses it: {message}" in one.message
    assert "\n" not in one.message


@pytest.mark.usefixtures("_programs")
def test_b6_a_component_that_the_images_collector_may_have_is_not_refused(manifests: list[dict[str, Any]]) -> None:
    (found,) = validated(
        index(changed(manifests, "otel-collector", "config.yaml", "receivers:\n  otlp", "receivers:\n  kafka"))
    )
    assert not found.findings
    (said,) = found.unchecked
    assert "Deployment observability/otel-collector: the otelcol of this machine has no receiver kafka" in said


@pytest.mark.usefixtures("_programs")
def test_b6_equal_configurations_are_checked_once(
    manifests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Question] = []

    def counted(program: Path, question: Question) -> Reply:
        asked.append(question)
        return ask(program, question)

    monkeypatch.setattr("otel_mesh_cli.validation.validated.ask", counted)
    validated(index(manifests))
    once = len(asked)
    validated(index(manifests), index(changed(manifests, "jaeger", "config.yaml", "100ms", "200ms")))
    assert len(asked) == once + once + 1


def test_b6_a_program_that_is_not_here_is_named_and_not_built(
    manifests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Absent:
        def available(self, names: Sequence[str]) -> Mapping[str, Path]:
            assert set(names) == set(PROGRAMS)
            return {}

    monkeypatch.setattr(embedded, "programs", Absent)
    (found,) = validated(index(manifests))
    assert not found.findings
    assert (
        "Configuration of Deployment observability/prometheus: promtool is neither on PATH nor built: "
        "`otel-mesh node toolchain promtool` provides it." in found.unchecked
    )
    assert len(found.unchecked) == 5
