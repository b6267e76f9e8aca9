"""Objects whose creation failed with the provider: found by the event log, entered in the state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.stacks import failed_creations, recovery

if TYPE_CHECKING:
    from pathlib import Path

BEGAN = 1796025905  # 2026-11-30T08:05:05Z
STACK = "urn:pulumi:local::otel-mesh::pulumi:pulumi:Stack::otel-mesh-local"
DEPLOYMENT = {
    "type": "kubernetes:apps/v1:Deployment",
    "urn": "urn:pulumi:local::otel-mesh::kubernetes:apps/v1:Deployment::jaeger",
    "custom": True,
    "parent": STACK,
    "provider": "urn:provider::id",
    "inputs": {"kind": "Deployment", "metadata": {"name": "jaeger", "namespace": "observability"}},
}
SERVICE = {**DEPLOYMENT, "urn": "urn:pulumi:local::otel-mesh::kubernetes:core/v1:Service::jaeger"}
STATE = {"resources": [{"urn": STACK}]}


def log(folder: Path, *failed: tuple[str, dict[str, Any]]) -> Path:
    """An event log of the CLI, which was killed while it wrote the last event."""
    events: list[dict[str, Any]] = [{"timestamp": BEGAN, "preludeEvent": {"config": {}}}]
    for op, resource in failed:
        new = {**resource, "id": "", "outputs": {}}
        events.append({"timestamp": BEGAN + 9, "resOpFailedEvent": {"metadata": {"op": op, "new": new}, "status": 0}})
    file = folder / "events.jsonl"
    file.write_text("".join(f"{json.dumps(event)}\n" for event in events) + '{"timestamp": 17960')
    return file


def live(made: str, *there: dict[str, Any]) -> Any:  # noqa: ANN401 - a function
    """Finds the objects that are there; they were made at that time."""
    return lambda resource: {"metadata": {"creationTimestamp": made}} if resource in there else None


def test_only_creations_count_and_an_update_that_went_well_leaves_none(tmp_path: Path) -> None:
    found = failed_creations.read(log(tmp_path, ("create", DEPLOYMENT), ("update", SERVICE)))
    assert found.resources == [DEPLOYMENT]
    assert found.began == BEGAN
    assert not failed_creations.read(tmp_path / "none").resources


def test_an_object_that_the_update_made_is_entered_and_what_it_did_not_make_is_not(tmp_path: Path) -> None:
    failed = failed_creations.read(log(tmp_path, ("create", DEPLOYMENT), ("create", SERVICE)))
    found = recovery.left_behind(failed, STATE, live("2026-11-30T08:05:07Z", DEPLOYMENT))
    assert found == [{"type": "creating", "resource": DEPLOYMENT}]
    settled = recovery.settled({**STATE, "pending_operations": found}, lambda _: "pulumi-kubernetes-1")
    assert settled["resources"][1]["id"] == "observability/jaeger"


def test_an_object_from_before_the_update_is_somebody_elses(tmp_path: Path) -> None:
    failed = failed_creations.read(log(tmp_path, ("create", DEPLOYMENT)))
    assert recovery.left_behind(failed, STATE, live("2026-11-30T08:04:00Z", DEPLOYMENT)) == []


def test_what_the_state_knows_or_has_no_place_for_is_left_alone(tmp_path: Path) -> None:
    failed = failed_creations.read(log(tmp_path, ("create", DEPLOYMENT)))
    there = live("2026-11-30T08:05:07Z", DEPLOYMENT)
    assert recovery.left_behind(failed, {"resources": [*STATE["resources"], DEPLOYMENT]}, there) == []
    assert recovery.left_behind(failed, {"resources": []}, there) == []
