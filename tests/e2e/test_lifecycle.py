"""S2.3: stops, kills and starts: everything is restored, and nothing exists twice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.smoke import request
from otel_mesh_embedded.node import cluster
from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.node.machine import cgroups
from otel_mesh_embedded.node.workers import runtime
from otel_mesh_embedded.supervision import processes, supervisor
from tests.e2e import node_processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

pytestmark = pytest.mark.e2e

UP = (sys.executable, "-m", "otel_mesh_cli", "up")


def objects(kubectl: Callable[..., str]) -> list[str]:
    """Every workload of the platform's namespaces; duplicates show objects created twice."""
    kinds = "deployments,statefulsets,services,configmaps,serviceaccounts,secrets"
    return sorted(kubectl("get", kinds, "-n", namespace, "-o", "name") for namespace in ("observability", "shop"))


def test_down_leaves_nothing_running_and_up_brings_the_data_back(
    run: Callable[..., CompletedProcess[str]], note: Callable[[], str], kubectl: Callable[..., str]
) -> None:
    before = objects(kubectl)
    done = run("make", "down")
    assert done.returncode == 0, done.stdout + done.stderr
    assert cluster.leftovers() == []
    assert run("make", "down").returncode == 0, "down of what is down is no error"
    done = run("make", "up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert note() == "1"
    assert objects(kubectl) == before


def test_killed_processes_of_the_node_are_restarted(
    run: Callable[..., CompletedProcess[str]], note: Callable[[], str]
) -> None:
    for process in node_processes.process_ids():
        with contextlib.suppress(ProcessLookupError):  # ended together with another one
            os.kill(process, signal.SIGKILL)
    # as left by a killed CNI agent of the mesh: no pod could start
    network = layout().cni_config / runtime.CNI_FILE
    content = json.loads(network.read_text())
    content["plugins"].append({"type": "of-a-killed-agent"})
    network.write_text(json.dumps(content))
    done = run("make", "up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "of-a-killed-agent" not in network.read_text()
    assert note() == "1"


@pytest.mark.full
@pytest.mark.parametrize("name", [*cluster.PROGRAMS, "forward-gateway"])
def test_one_killed_program_is_restarted_automatically(
    name: str, pods: Callable[[], list[dict[str, Any]]], note: Callable[[], str]
) -> None:
    before = {pod["metadata"]["uid"] for pod in pods()}
    (killed,) = [program.pid for program in cluster.status().programs if program.name == name]
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 120
    while not cluster.status().is_running or killed in node_processes.process_ids():
        assert time.monotonic() < deadline, cluster.status()
        time.sleep(0.5)
    request.run()
    assert note() == "1"
    assert node_processes.doubles() == []
    assert {pod["metadata"]["uid"] for pod in pods()} == before


@pytest.mark.full
def test_a_killed_supervisor_is_restarted_by_make_up(run: Callable[..., CompletedProcess[str]]) -> None:
    (before,) = [one.pid for one in cluster.status().programs if one.name == supervisor.NAME and one.pid]
    os.kill(before, signal.SIGKILL)
    assert run("make", "up").returncode == 0
    (after,) = [one.pid for one in cluster.status().programs if one.name == supervisor.NAME and one.pid]
    assert after != before


@pytest.mark.full
def test_everything_killed_at_once_including_pods_recovers(
    run: Callable[..., CompletedProcess[str]], note: Callable[[], str], kubectl: Callable[..., str]
) -> None:
    """Simulates a power failure: kills programs, container shims and every process in pods."""
    before = objects(kubectl)
    everything = {process.pid for process in processes.scan()} | cgroups.pods()
    assert len(everything) > len(node_processes.process_ids()) + 10
    for pid in everything:
        with contextlib.suppress(ProcessLookupError):  # ended together with another one
            os.kill(pid, signal.SIGKILL)
    done = run("make", "up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert note() == "1"
    assert objects(kubectl) == before
    assert node_processes.doubles() == []


@pytest.mark.full
def test_a_pod_that_cannot_start_is_named_with_its_reason_in_under_3_minutes(
    run: Callable[..., CompletedProcess[str]],
) -> None:
    started = time.monotonic()
    done = run(
        sys.executable,
        "-c",
        "from rich.console import Console;"
        "from otel_mesh_embedded.environment import up, workspace;"
        "name = workspace.name_images;"
        "absent = {'user-service': 'otel-mesh.local/user-service:absent'};"
        "workspace.name_images = lambda made: name({**made, **absent});"
        "up.run(Console())",
    )
    assert done.returncode != 0
    assert time.monotonic() - started < 180
    assert "user-service" in done.stderr
    assert "ImagePull" in done.stderr or "ErrImage" in done.stderr
    assert run("make", "up").returncode == 0
    request.run()


def test_of_two_concurrent_ups_one_works_and_the_other_reports_it(run: Callable[..., CompletedProcess[str]]) -> None:
    with subprocess.Popen(UP, cwd=repo_dir(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as first:
        second = run(*UP)
        output, _ = first.communicate(timeout=300)
    results = sorted([(first.returncode, output), (second.returncode, second.stdout + second.stderr)])
    assert [code for code, _ in results] == [0, 2], results
    assert "is at work on this machine; wait until it ends" in results[1][1]
    assert node_processes.doubles() == []
