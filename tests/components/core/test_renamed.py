"""Keys of settings that were renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import otel_mesh
from otel_mesh import InvalidSettingsError, Settings, parse
from otel_mesh.core.renamed import RENAMED

if TYPE_CHECKING:
    from collections.abc import Iterator


def _cases() -> Iterator[tuple[type[Settings], str]]:
    public = [getattr(otel_mesh, name) for name in otel_mesh.__all__]
    for model in public:
        if isinstance(model, type) and issubclass(model, Settings):
            yield from ((model, old) for old, (new, _) in RENAMED.items() if new in model.model_fields)


CASES = list(_cases())


def test_every_renamed_key_has_a_setting_of_the_library() -> None:
    assert {old for _, old in CASES} == set(RENAMED)


@pytest.mark.parametrize(("model", "old"), CASES)
def test_the_old_name_is_refused_and_the_new_one_named(model: type[Settings], old: str) -> None:
    new, remedy = RENAMED[old]
    with pytest.raises(InvalidSettingsError) as refused:
        parse(model, {old: 1})
    assert f"{old}: renamed to {new}; {remedy}" in [str(problem) for problem in refused.value.problems]


def test_the_message_contains_the_path_of_the_old_name() -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        parse(otel_mesh.JaegerSettings, {"scheduling": {"spread_over": ["zone"]}}, "jaeger")
    assert (
        str(refused.value) == "jaeger.scheduling.spread_over: renamed to topology_keys; rename the key, the value stays"
    )


def test_an_old_name_elsewhere_is_an_unknown_key() -> None:
    with pytest.raises(InvalidSettingsError, match="spread_over: unknown key"):
        parse(otel_mesh.Storage, {"spread_over": ["zone"]})
