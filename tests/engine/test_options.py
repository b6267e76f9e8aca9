"""Options of a component apply to its children, on the real engine: mocks have neither parents nor transforms.

The tests of this file share one stack and run in file order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh.k8s.component import READY_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.engine.api_server import ApiServer
    from tests.engine.stack_program import StackProgram

pytestmark = [pytest.mark.engine, pytest.mark.in_order]

KINDS = {"ConfigMap", "Deployment", "Service", "ServiceAccount"}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path, str], StackProgram]) -> StackProgram:
    program = new_program(tmp_path_factory.mktemp("options"), "options")
    program.up()
    return program


def _children(program: StackProgram, component: str) -> list[dict[str, Any]]:
    stored = program.stored()
    (parent,) = (one["urn"] for one in stored if one["urn"].endswith(f":index:Jaeger::{component}"))
    found = [one for one in stored if one.get("parent") == parent]
    assert {one["type"].rpartition(":")[2] for one in found} == KINDS
    return found


def _provider(resource: dict[str, Any]) -> str:
    name: str = resource["provider"].split("::")[-2]
    return name


def _annotations(resource: dict[str, Any]) -> dict[str, str]:
    annotations: dict[str, str] = resource["inputs"]["metadata"]["annotations"]
    return annotations


@pytest.mark.parametrize("option", ["provider", "providers", "providers-by-name", "grouped"])
def test_a_provider_applies_to_all_objects(program: StackProgram, option: str) -> None:
    assert {_provider(one) for one in _children(program, option)} == {"other"}
    assert {_provider(one) for one in _children(program, "plain")} == {"cluster"}


def test_a_transform_applies_to_all_objects(program: StackProgram) -> None:
    assert {_annotations(one)["test/transform"] for one in _children(program, "transforms")} == {"seen"}
    assert {_annotations(one)["test/group"] for one in _children(program, "grouped")} == {"seen"}
    assert not {"test/transform", "test/group"} & {
        key for one in _children(program, "plain") for key in _annotations(one)
    }


def test_custom_timeouts_apply_to_all_objects(program: StackProgram) -> None:
    assert [one["customTimeouts"] for one in _children(program, "timeouts")] == [{"create": 33, "delete": 44}] * 4
    usual = int(READY_TIMEOUT.removesuffix("s"))
    assert [one["customTimeouts"] for one in _children(program, "plain")] == [{"create": usual, "update": usual}] * 4


def test_retain_on_delete_applies_to_all_objects(program: StackProgram) -> None:
    assert [one["retainOnDelete"] for one in _children(program, "retain")] == [True] * 4
    assert not any(one.get("retainOnDelete") for one in _children(program, "plain"))


def test_objects_are_created_after_the_dependencies_of_their_component(program: StackProgram) -> None:
    made = [step.place for step in program.done()]
    first = min(made.index(f"{kind} depends") for kind in KINDS)
    assert first > max(made.index(f"{kind} plain") for kind in KINDS)


def test_ignore_changes_applies_to_child_objects(program: StackProgram) -> None:
    program.environment["REPLICAS"] = "7"
    assert program.preview() == []
    (deployment,) = (one for one in program.stored() if one["urn"].endswith(":Deployment::ignore"))
    assert deployment["inputs"]["spec"]["replicas"] == 2


def test_protected_objects_are_not_deleted_and_others_are(program: StackProgram) -> None:
    children = _children(program, "protect")
    assert [one["protect"] for one in children] == [True] * 4
    targets = [f"--target={one['urn']}" for one in children]
    refused = program.run("destroy", "--yes", "--skip-preview", "--target-dependents", *targets, check=False)
    assert refused.returncode != 0
    assert "protect" in refused.stdout + refused.stderr
    assert len(_children(program, "protect")) == 4
    program.environment["UNPROTECTED"] = "1"
    program.up()
    program.run("destroy", "--yes", "--skip-preview")
    assert program.resources() == []


def test_an_object_stays_when_the_one_before_it_goes(
    tmp_path: Path, new_program: Callable[[Path, str], StackProgram], api_server: ApiServer, kubeconfig: Path
) -> None:
    """No object takes over the resource name of another, which the engine would then delete in the cluster."""
    program = new_program(tmp_path, "several")
    listed = ["get", "configmaps", "--namespace=default", "--output=name"]
    for names in (["first", "second", "third"], ["second", "third"], ["third", "fourth"]):
        program.environment["NAMES"] = ",".join(names)
        program.up()
        found = api_server.kubectl(listed, kubeconfig).stdout.split()
        known = {f"configmap/{one}" for one in ("first", "second", "third", "fourth")}
        assert set(found) & known == {f"configmap/{one}" for one in names}
    program.run("destroy", "--yes", "--skip-preview")
