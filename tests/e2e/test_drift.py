"""C3: `otel-mesh drift` on the running environment: what a person changed is reported, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

pytestmark = pytest.mark.e2e

NAMESPACE, SERVICE = "shop", "user-service"


def test_c3_a_changed_number_of_pods_is_reported_until_it_is_put_back(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str]
) -> None:
    place = ("deployment", SERVICE, "-n", NAMESPACE)
    pods = int(kubectl("get", *place, "-o", "jsonpath={.spec.replicas}"))
    done = run("otel-mesh", "drift")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith("stack local: The cluster is as the last update left it.")
    kubectl("scale", *place, f"--replicas={pods + 1}")
    kubectl("label", "service", SERVICE, "-n", NAMESPACE, "team=nobody")
    try:
        done = run("otel-mesh", "drift", "--output", "json")
        assert (done.returncode, done.stderr) == (1, "")
        found = json.loads(done.stdout)
        assert {(one["object"], *one["fields"]) for one in found["objects"]} == {
            (f"Deployment {NAMESPACE}/{SERVICE}", "spec.replicas"),
            (f"Service {NAMESPACE}/{SERVICE}", "metadata.labels.team"),
        }
        assert [(one["kind"], one["subject"]) for one in found["risks"]] == [
            ("changes capacity", f"{NAMESPACE}/{SERVICE}")
        ]
        done = run("otel-mesh", "review", "--against", "CLUSTER", "--output", "json")
        assert f"Deployment {NAMESPACE}/{SERVICE}" in {one["object"] for one in json.loads(done.stdout)["objects"]}
    finally:
        kubectl("scale", *place, f"--replicas={pods}")
        kubectl("label", "service", SERVICE, "-n", NAMESPACE, "team-")
        kubectl("rollout", "status", *place, "--timeout=180s")
    done = run("otel-mesh", "drift")
    assert done.returncode == 0, done.stdout


def test_c3_the_checkout_is_what_was_deployed(run: Callable[..., CompletedProcess[str]]) -> None:
    for side in ("STATE", "CLUSTER"):
        done = run("otel-mesh", "review", "--against", side, "--output", "json")
        assert done.returncode == 0, (side, done.stderr)
        assert done.stderr.startswith("otel-mesh: reviewed stack local in "), side
        found = json.loads(done.stdout)
        assert (found["verdict"], found["objects"]) == ("Nothing changes.", []), side
