"""S1.2: renewals of a mesh under load: its certificates, and its control plane by revision."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.smoke import request
from tests.e2e.killed_update import command
from tests.e2e.meshed_pods import sidecars, until_whole
from tests.e2e.request_stream import requests_go_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from subprocess import CompletedProcess

pytestmark = [pytest.mark.e2e, pytest.mark.full]

MESHED = ("shop", "istio-ingress", "observability")
SHORT_LIVED: Mapping[str, Any] = {"mesh": {"istio": {"proxy": {"certificate_lifetime": "60s"}}}}
NEXT: Mapping[str, Any] = {"mesh": {"istio": {"revision": "next", "access_logs": False}}}


@pytest.fixture
def up(run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str]) -> Iterator[Callable[..., None]]:
    """`make up` with changed settings, and with those of the checkout at the end."""

    def call(changes: Mapping[str, Any]) -> None:
        done = run(*command(changes, "up"), timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        until_whole(kubectl)

    yield call
    call({})


def certificates(kubectl: Callable[..., str]) -> dict[str, str]:
    """The serial number of each service pod's workload certificate."""
    found = {}
    for pod in sidecars(kubectl):
        words = ("exec", "-n", "shop", pod, "-c", "istio-proxy", "--", "pilot-agent", "request", "GET", "certs")
        for entry in json.loads(kubectl(*words))["certificates"]:
            for certificate in entry.get("cert_chain", []):
                if any("/ns/shop/" in name.get("uri", "") for name in certificate.get("subject_alt_names", [])):
                    found[pod] = certificate["serial_number"]
    return found


def test_certificates_are_renewed_under_load_without_a_failed_request(
    up: Callable[..., None], kubectl: Callable[..., str]
) -> None:
    up(SHORT_LIVED)
    kubectl(
        "rollout", "restart", "-n", "shop", "deployment,statefulset"
    )  # a pod keeps the revision it was created with
    for workload in kubectl("get", "deployment,statefulset", "-n", "shop", "-o", "name").split():
        kubectl("rollout", "status", "-n", "shop", workload, "--timeout=180s")
    until_whole(kubectl)
    request.run()
    before = certificates(kubectl)
    assert set(before) == set(sidecars(kubectl))
    with requests_go_on() as seen:
        time.sleep(90)
    after = certificates(kubectl)
    assert set(after) == set(before), "the pods are the same"
    assert [pod for pod, serial in before.items() if after[pod] == serial] == []
    assert seen.failures == []
    assert seen.count > 100


def injected_by(kubectl: Callable[..., str]) -> dict[str, set[str]]:
    """The control planes that the proxies of each namespace are connected to, by revision."""
    found: dict[str, set[str]] = {}
    for namespace in MESHED:
        pods = json.loads(kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]
        found[namespace] = {
            pod["metadata"]["annotations"]["istio.io/rev"]
            for pod in pods
            if "istio.io/rev" in pod["metadata"].get("annotations", {}) and "deletionTimestamp" not in pod["metadata"]
        }
    return found


def planes(kubectl: Callable[..., str]) -> list[str]:
    return kubectl("get", "deployment", "-n", "istio-system", "-o", "name").split()


def test_workloads_move_to_a_new_revision_and_back(up: Callable[..., None], kubectl: Callable[..., str]) -> None:
    assert injected_by(kubectl) == {key: {"default"} for key in MESHED}
    with requests_go_on() as seen:
        up(NEXT)
        assert injected_by(kubectl) == {key: {"next"} for key in MESHED}
        assert planes(kubectl) == ["deployment.apps/istiod-next"]
        request.run()
        up({})
        assert injected_by(kubectl) == {key: {"default"} for key in MESHED}
        assert planes(kubectl) == ["deployment.apps/istiod"]
        request.run()
    # the single database pod is replaced twice: its callers answer 503 until it is back
    others = [failure for failure in seen.failures if ": 503 " not in failure]
    assert others == []
    assert len(seen.failures) < seen.count / 4
