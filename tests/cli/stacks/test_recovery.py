from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from otel_mesh_cli.stacks import engine_processes, recovery
from tests.embedded.supervision.left_processes import ended
from tests.ending import ending

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URN = "urn:pulumi:local::otel-mesh::otel-mesh:index:Jaeger$kubernetes:apps/v1:Deployment::jaeger"
INPUTS = {
    "kind": "Deployment",
    "metadata": {"name": "jaeger", "namespace": "observability"},
}


def resource(urn: str = URN, **fields: object) -> dict[str, Any]:
    return {"urn": urn, "custom": True, "type": "kubernetes:apps/v1:Deployment", "inputs": INPUTS, **fields}


def created(_: dict[str, Any]) -> str | None:
    return "pulumi-kubernetes-1"


def state(*resources: dict[str, Any], **pending: dict[str, Any]) -> dict[str, Any]:
    operations = [{"type": kind, "resource": one} for kind, one in pending.items()]
    return {"manifest": {"version": "v3"}, "resources": list(resources), "pending_operations": operations}


def test_what_was_being_created_is_in_the_state_with_its_id_and_its_field_manager() -> None:
    other = resource("urn:other", id="observability/other")
    found = recovery.settled(state(other, creating=resource()), created)
    assert found["pending_operations"] == []
    assert found["manifest"] == {"version": "v3"}
    kept, made = found["resources"]
    assert kept == other
    assert made["id"] == "observability/jaeger"
    assert made["outputs"] == {**INPUTS, "__fieldManager": "pulumi-kubernetes-1"}


def test_what_was_not_created_is_not_in_the_state() -> None:
    found = recovery.settled(state(creating=resource()), lambda _: None)
    assert found["resources"] == found["pending_operations"] == []


def test_an_object_of_the_whole_cluster_has_its_name_as_id() -> None:
    made = resource(inputs={"kind": "Namespace", "metadata": {"name": "shop"}})
    assert recovery.settled(state(creating=made), created)["resources"][0]["id"] == "shop"


@pytest.mark.parametrize("kind", ["updating", "deleting", "reading"])
def test_other_unfinished_operations_leave_the_state_to_the_refresh(kind: str) -> None:
    known = resource(id="observability/jaeger")
    found = recovery.settled(state(known, **{kind: resource()}), created)
    assert found["resources"] == [known]
    assert found["pending_operations"] == []


def test_an_object_that_is_known_already_is_not_entered_again() -> None:
    """A state of an earlier version of ours: the note was kept although the object had been made by a later update."""
    known = resource(id="observability/jaeger")
    assert recovery.settled(state(known, creating=resource()), created)["resources"] == [known]


def test_an_object_that_was_being_replaced_is_the_new_one() -> None:
    old = resource(id="observability/jaeger", pendingReplacement=True)
    (made,) = recovery.settled(state(old, creating=resource()), created)["resources"]
    assert "pendingReplacement" not in made


def test_an_old_object_that_is_still_to_be_deleted_stays_beside_the_new_one() -> None:
    old = resource(id="observability/jaeger", delete=True)
    assert len(recovery.settled(state(old, creating=resource()), created)["resources"]) == 2


def test_what_is_no_object_of_a_cluster_is_made_anew() -> None:
    provider = {"urn": "urn:p", "type": "pulumi:providers:kubernetes", "inputs": {}}
    assert recovery.settled(state(creating=provider), created)["resources"] == []


MAKER = """
import os, subprocess, sys
from pathlib import Path
from otel_mesh_cli.stacks import engine_processes
mark = engine_processes.mark(Path(sys.argv[1]), "local")
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env={**os.environ, **mark},
                         stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def maker(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has started one for an update, and waits."""
    command = [sys.executable, "-c", MAKER, str(tmp_path)]
    with ending(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)) as process:
        yield process


def test_a_process_is_abandoned_only_when_the_one_that_updates_is_gone(
    tmp_path: Path, maker: subprocess.Popen[str]
) -> None:
    assert maker.stdout is not None
    child = psutil.Process(int(maker.stdout.readline()))
    assert engine_processes.abandoned(tmp_path, "local") == [], "its update goes on"
    maker.kill()
    maker.wait()
    assert engine_processes.abandoned(tmp_path, "dev") == [], "another stack"
    assert engine_processes.abandoned(tmp_path / "other", "local") == [], "another workspace"
    assert engine_processes.abandoned(tmp_path, "local") == [child]
    assert len(engine_processes.end_abandoned(tmp_path, "local")) == 1
    assert ended(child)
    assert engine_processes.abandoned(tmp_path, "local") == []
