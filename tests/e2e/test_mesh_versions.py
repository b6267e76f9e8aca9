"""Two versions of a service on the real mesh: both serve requests, telemetry tells them apart, nothing is replaced."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.smoke import arrival, request
from tests.e2e.meshed_pods import until_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import CompletedProcess

    import httpx

pytestmark = [pytest.mark.e2e, pytest.mark.full]

UP = ("pulumi", "--", "up", "--yes", "--skip-preview", "--non-interactive", "--suppress-outputs")
SERVICE = "user-service"
VERSIONS = {SERVICE: {"versions": {"v2": {"replicas": 1, "env": {"TRIED": {"field": "status.hostIP"}}}}}}
PATIENCE = 120.0


def _deployments(kubectl: Callable[..., str]) -> dict[str, str]:
    """UIDs of the Deployments and of their pods' ReplicaSets, by name."""
    listed = json.loads(kubectl("get", "deployments,replicasets", "-n", "shop", "-o", "json"))["items"]
    return {one["metadata"]["name"]: one["metadata"]["uid"] for one in listed}


@pytest.fixture(scope="module")
def before(kubectl: Callable[..., str]) -> dict[str, str]:
    return _deployments(kubectl)


@pytest.fixture(scope="module")
def both(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str], before: dict[str, str]
) -> Iterator[dict[str, str]]:
    """Stack local with another version of a service."""
    changes = json.dumps({"services": VERSIONS})
    try:
        done = run(sys.executable, "-m", "tests.e2e.changed_stack", changes, *UP, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        until_whole(kubectl)
        yield before
    finally:
        done = run(sys.executable, "-m", "otel_mesh_cli", *UP, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    after = _deployments(kubectl)
    assert after == before, "the other version is gone, and the service's own was never replaced"


def test_the_other_version_replaces_nothing(both: dict[str, str], kubectl: Callable[..., str]) -> None:
    found = _deployments(kubectl)
    assert both.items() <= found.items()
    assert f"{SERVICE}-v2" in found.keys() - both.keys()


def test_both_versions_serve_requests_and_spans_tell_which(
    both: dict[str, str],  # noqa: ARG001 - deployed
    http: httpx.Client,
    kubectl: Callable[..., str],
) -> None:
    deadline = time.monotonic() + PATIENCE
    served: dict[str, set[Any]] = {}
    while len(served) < 2:
        assert time.monotonic() < deadline, served
        spans = arrival.wait_for_trace(http, request.request(http), request.problems)
        for one in spans:
            if one.service == SERVICE and one.kind == "server" and one.proxy is None:
                served.setdefault(str(one.resource["service.version"]), set()).add(one.resource["k8s.deployment.name"])
    assert served == {"0.1.0": {SERVICE}, "v2": {f"{SERVICE}-v2"}}
    words = ("get", "pods", "-n", "shop", "-l", f"app.kubernetes.io/name={SERVICE}", "-o", "json")
    for pod in json.loads(kubectl(*words))["items"]:
        revision = "service.istio.io/canonical-revision"
        labels = pod["metadata"]["labels"]
        assert labels[revision] == labels["version"]
