from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.pod_sources import OfKubectl
from otel_mesh_cli.core.unready_pods import explain_unready, is_settled, reasons
from otel_mesh_embedded.node.pod_sources import OfApi

if TYPE_CHECKING:
    from pathlib import Path


def pod(*containers: dict[str, Any], phase: str = "Pending", **status: object) -> dict[str, Any]:
    return {
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "u1"},
        "status": {"phase": phase, "containerStatuses": list(containers), **status},
    }


def waiting(reason: str, message: str = "", **more: object) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"name": "web", "ready": False, "started": False, "state": state, **more}


def event(message: str, uid: str = "u1", time: str = "2026-11-21T11:00:00Z") -> dict[str, Any]:
    about = {"uid": uid, "fieldPath": "spec.containers{web}"}
    return {"type": "Warning", "reason": "Failed", "message": message, "involvedObject": about, "lastTimestamp": time}


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (
            waiting("ImagePullBackOff", "Back-off pulling image x"),
            ", container web: ImagePullBackOff: Back-off pulling image x",
        ),
        (
            waiting(
                "CrashLoopBackOff",
                "back-off 10s",
                lastState={"terminated": {"exitCode": 3, "reason": "Error"}},
            ),
            ", container web: CrashLoopBackOff (ended with exit code 3, Error)",
        ),
        (
            waiting("CreateContainerConfigError", 'secret "x" not found'),
            ', container web: CreateContainerConfigError: secret "x" not found',
        ),
        (
            {"name": "web", "ready": False, "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}},
            ", container web: ended with exit code 137, OOMKilled",
        ),
        (
            {"name": "web", "ready": False, "started": True, "state": {"running": {}}},
            ", container web: running but not ready",
        ),
        (
            {"name": "web", "ready": False, "started": False, "state": {"running": {}}},
            ", container web: started, its start-up probe does not succeed yet",
        ),
    ],
)
def test_a_container_is_named_with_its_reason(item: dict[str, Any], said: str) -> None:
    assert reasons(pod(item), []) == [("web", said)]


def test_a_warning_about_this_container_is_added_and_others_are_not() -> None:
    events = [
        event("old", time="2026-11-21T10:00:00Z"),
        event("Error: no\nsuch group"),
        event("another pod's", uid="u2", time="2026-11-21T12:00:00Z"),
    ]
    ((_, said),) = reasons(pod(waiting("CreateContainerError", "no such user")), events)
    assert said.endswith("CreateContainerError: no such user; Failed: Error: no such group")


def test_nothing_is_said_twice() -> None:
    ((_, said),) = reasons(pod(waiting("CreateContainerError", "no such user")), [event("Error: no such user")])
    assert said == ", container web: CreateContainerError: no such user"


def test_one_that_fits_nowhere_says_what_is_missing() -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient memory.",
    }
    found = reasons(pod(conditions=[condition]), [])
    assert found == [(None, ": Unschedulable: 0/1 nodes are available: 1 Insufficient memory.")]


def test_containers_that_are_only_being_made_are_told_by_their_pods_event() -> None:
    mount = event("MountVolume.SetUp failed: configmap x not found")
    mount["involvedObject"] = {"uid": "u1"}
    ((container, said),) = reasons(pod(waiting("ContainerCreating")), [mount])
    assert container is None
    assert said == ": Pending; Failed: MountVolume.SetUp failed: configmap x not found"


@pytest.mark.parametrize(
    ("phase", "ready", "settled"),
    [("Succeeded", "False", True), ("Running", "True", True), ("Running", "False", False), ("Pending", "False", False)],
)
def test_a_pod_is_settled_when_ready_or_done(phase: str, ready: str, *, settled: bool) -> None:
    assert is_settled(pod(phase=phase, conditions=[{"type": "Ready", "status": ready}])) is settled


class Answers:
    """An API server's answers, by path."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers

    def get(self, path: str) -> dict[str, Any] | None:
        return self._answers.get(path)

    def text(self, path: str) -> str | None:
        return self._answers.get(path)


def kubectl(folder: Path, answers: dict[str, object]) -> str:
    """A kubectl that answers `get KIND` from a table and `logs` with one line."""
    for kind, answer in answers.items():
        (folder / kind).write_text(json.dumps(answer))
    program = folder / "kubectl"
    program.write_text(
        f'#!/bin/sh\ncase "$3" in get) cat "{folder}/$4";; logs) echo "panic: no database";; esac\n',
    )
    program.chmod(0o755)
    return str(program)


def test_the_last_line_of_the_log_ends_the_sentence(tmp_path: Path) -> None:
    crashing = pod(waiting("CrashLoopBackOff", lastState={"terminated": {"exitCode": 1, "reason": "Error"}}))
    ready = pod(phase="Running", conditions=[{"type": "Ready", "status": "True"}])
    program = kubectl(tmp_path, {"pods": {"items": [ready, crashing]}, "events": {"items": []}})
    (line,) = explain_unready(OfKubectl(program, "there"), ["shop"])
    place, _, log = line.partition("; ")
    assert place == "pod shop/web-1, container web: CrashLoopBackOff (ended with exit code 1, Error)"
    assert log == "its last line: panic: no database"


def test_a_silent_api_server_is_an_error(tmp_path: Path) -> None:
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\necho 'connection refused' >&2; exit 1\n")
    program.chmod(0o755)
    with pytest.raises(CommandError, match="API server: connection refused"):
        explain_unready(OfKubectl(str(program), "there"), ["shop"])


@pytest.mark.parametrize("previous", ["false", "true"])
def test_the_embedded_node_is_asked_itself_and_no_program_is_needed(previous: str) -> None:
    crashing = pod(waiting("CrashLoopBackOff", lastState={"terminated": {"exitCode": 1, "reason": "Error"}}))
    place = "/api/v1/namespaces/shop"
    answers = {
        f"{place}/pods": {"items": [crashing]},
        f"{place}/events": {"items": []},
        f"{place}/pods/web-1/log?container=web&tailLines=1&previous={previous}": "panic: no database\n",
    }
    (line,) = explain_unready(OfApi(Answers(answers)), ["shop"])
    assert line.endswith("(ended with exit code 1, Error); its last line: panic: no database")


def test_an_api_server_of_the_node_that_is_silent_is_an_error() -> None:
    with pytest.raises(CommandError, match="API server: no answer; run `make up`"):
        explain_unready(OfApi(Answers({})), ["shop"])
