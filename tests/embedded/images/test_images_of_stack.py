"""Which images `make up` makes: those that stack local runs."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.stacks import stack_file
from otel_mesh_cli.stacks.stack_mesh import StackMesh
from otel_mesh_embedded import images
from otel_mesh_embedded.environment import workspace
from otel_mesh_embedded.images import making
from otel_mesh_stack.services import CATALOG
from tests.e2e import changed_stack

if TYPE_CHECKING:
    from pathlib import Path

ALL = {image.name for image in images.IMAGES}
MESHES = {kind: StackMesh(kind) for kind in ("none", "istio")}
OF_MESH = {"istio-pilot", "istio-install-cni", "istio-proxyv2"}
LOAD = {"rate_per_second": 1}


@pytest.mark.parametrize(
    ("settings", "mesh", "spared"),
    [
        ({}, "istio", {"load-generator", "backup-store"}),
        ({"load_generator": None}, "istio", {"load-generator", "backup-store"}),
        ({"load_generator": LOAD}, "istio", {"backup-store"}),
        ({"load_generator": LOAD, "postgres_backup": {"store": {"bucket": "b"}}}, "istio", set()),
        ({"load_generator": {}, "postgres_backup": {}}, "none", {"backup-store", *OF_MESH}),
        ({}, "none", {"load-generator", "backup-store", *OF_MESH}),
    ],
)
def test_only_what_the_stack_runs_is_made(
    settings: dict[str, Any], mesh: str, spared: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack_file, "settings", lambda _: settings)
    monkeypatch.setattr(making, "stack_mesh", lambda: MESHES[mesh])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path))
    of_stack = making._of_stack()  # noqa: SLF001 - making them takes root and minutes
    assert of_stack == ALL - spared
    assert ("load-generator" in making.without_programs()) is ("load-generator" in of_stack)
    assert {service.name for service in CATALOG.services} <= of_stack


@pytest.mark.parametrize("name", [images.LOAD_GENERATOR, images.BACKUP_STORE])
def test_a_program_that_only_some_stacks_run_has_an_image_of_its_name(name: str) -> None:
    assert name in ALL
    assert name not in {service.name for service in CATALOG.services}


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What a changed stack has made and imported, in the place of root, minutes and a node."""
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    workspace.images_file().write_text(json.dumps({"pause": "otel-mesh.local/pause:1"}))
    noted: list[object] = []

    def make(names: list[str]) -> dict[str, str]:
        noted.append(names)
        return {name: f"otel-mesh.local/{name}:2" for name in names}

    monkeypatch.setattr(images, "make", make)
    monkeypatch.setattr(images, "import_all", lambda _, references: noted.append(list(references)))
    monkeypatch.setattr(changed_stack, "assemble", lambda **_: type("Node", (), {"ctr": ("ctr",)})())
    return noted


def test_a_stack_that_is_changed_to_have_load_gets_its_image(tmp_path: Path, done: list[object]) -> None:
    before = workspace.images_file().read_text()
    (variable,) = changed_stack.images_of({"load_generator": LOAD}, tmp_path).items()
    assert variable == ("OTEL_MESH_IMAGES_FILE", str(tmp_path / "images.json"))
    named = json.loads((tmp_path / "images.json").read_text())
    assert named == {"pause": "otel-mesh.local/pause:1", "load-generator": "otel-mesh.local/load-generator:2"}
    assert done == [["load-generator"], ["otel-mesh.local/load-generator:2"]]
    assert workspace.images_file().read_text() == before, "the environment's own is as `make up` wrote it"


@pytest.mark.parametrize("changes", [{}, {"jaeger": {"max_traces": 1}}, {"load_generator": None}])
def test_a_stack_that_is_changed_otherwise_gets_none(
    changes: dict[str, Any], tmp_path: Path, done: list[object]
) -> None:
    assert changed_stack.images_of(changes, tmp_path) == {}
    assert done == []
