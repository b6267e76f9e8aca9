"""A person on call: what `make status` and `make smoke` say of a broken environment, and that `make up` mends it.

Each break is made as it happens, by hand or by an accident. The last line of the screen has to name the cause and what
to do about it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.stacks.addresses import GATEWAY
from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.node.node import registry
from otel_mesh_embedded.supervision import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import CompletedProcess

pytestmark = [pytest.mark.e2e, pytest.mark.full]

_PATIENCE_S = 60.0


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


@pytest.fixture
def status(run: Callable[..., CompletedProcess[str]]) -> Callable[[str], str]:
    """Ask until the screen's last line has the words: some breaks need a moment to be seen."""

    def call(words: str) -> str:
        end = time.monotonic() + _PATIENCE_S
        while True:
            done = run("make", "-s", "status")
            line = last_line(done.stdout)
            if words in line:
                assert done.returncode == 2, "of make; 1 of the command"
                assert line.startswith("NOT HEALTHY: ")
                return line
            assert time.monotonic() < end, done.stdout + done.stderr
            time.sleep(1)

    return call


@pytest.fixture
def mended(run: Callable[..., CompletedProcess[str]]) -> Iterator[None]:
    """Whatever the test did, `make up` puts it right and the screen says so."""
    yield
    done = run("make", "up", timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    healthy = run("make", "-s", "status")
    assert healthy.returncode == 0, healthy.stdout
    assert last_line(healthy.stdout).startswith("healthy: ")


@pytest.fixture
def refused(run: Callable[..., CompletedProcess[str]]) -> Callable[..., str]:
    """The one line with which a command of ours ends that cannot do what it is asked for."""

    def call(*words: str) -> str:
        done = run("make", "-s", *words, timeout=600)
        assert done.returncode == 2, done.stdout
        lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
        assert len(lines) == 1, done.stderr
        return lines[0]

    return call


@pytest.mark.usefixtures("mended")
def test_a_collector_scaled_to_nothing(
    kubectl: Callable[..., str], status: Callable[[str], str], refused: Callable[..., str]
) -> None:
    kubectl("scale", "-n", "observability", "deploy/otel-collector", "--replicas=0")
    assert "run `make up`" in status("Deployment observability/otel-collector: scaled to 0, not 1")
    line = refused("smoke")
    assert "did not arrive" in line
    assert "Deployment observability/otel-collector: scaled to 0, not 1; run `make up`" in line


@pytest.mark.usefixtures("mended")
def test_jaeger_deleted(kubectl: Callable[..., str], status: Callable[[str], str], refused: Callable[..., str]) -> None:
    kubectl("delete", "-n", "observability", "deploy/jaeger")
    assert "run `make up`" in status("Deployment observability/jaeger does not exist")
    assert "Deployment observability/jaeger is not there; run `make up`" in refused("smoke").replace(
        " (and 1 more: `make status`)", ""
    )


@pytest.mark.usefixtures("mended")
def test_a_wrong_image_beside_pods_that_still_serve(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str], status: Callable[[str], str]
) -> None:
    kubectl("set", "image", "-n", "shop", "deploy/user-service", "user-service=otel-mesh.local/user-service:absent")
    line = status("Deployment shop/user-service: container user-service is to run")
    assert "user-service:absent, not otel-mesh.local/user-service:" in line
    assert run("make", "-s", "smoke").returncode == 0, "the old pod serves"


@pytest.mark.usefixtures("mended")
def test_a_secret_deleted_under_running_pods(kubectl: Callable[..., str], status: Callable[[str], str]) -> None:
    kubectl("delete", "-n", "shop", "secret/postgres-credentials")
    assert "run `make up`" in status("Secret shop/postgres-credentials does not exist")


@pytest.mark.usefixtures("mended")
def test_postgres_killed_again_and_again(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str], status: Callable[[str], str]
) -> None:
    """Killed as often as it comes back: kubelet then waits longer and longer."""
    end = time.monotonic() + _PATIENCE_S
    waiting = "jsonpath={.status.containerStatuses[?(@.name=='postgres')].state.waiting.reason}"
    while kubectl("get", "pod", "-n", "shop", "postgres-0", "-o", waiting) != "CrashLoopBackOff":
        assert time.monotonic() < end
        run("kubectl", "exec", "-n", "shop", "postgres-0", "-c", "postgres", "--", "sh", "-c", "kill -INT 1")
        time.sleep(0.5)
    assert "container postgres" in status("pod shop/postgres-0")


def _end(name: str) -> None:
    """Kill a program of the node for good: its supervisor first."""
    mains = [one for one in registry(layout()).processes() if one.is_main and one.name in ("supervisor", name)]
    for process in sorted(mains, key=lambda one: one.name != "supervisor"):
        assert processes.send(process, signal.SIGKILL)
    assert processes.wait(mains, 10) == []


@pytest.mark.usefixtures("mended")
def test_a_program_of_the_node_and_its_supervisor_dead(status: Callable[[str], str]) -> None:
    _end("kube-scheduler")
    assert "run `make up`" in status("node: kube-scheduler does not run")


@pytest.mark.usefixtures("mended")
def test_a_port_taken_by_another_program(status: Callable[[str], str], refused: Callable[..., str]) -> None:
    _end("forward-gateway")
    with socket.create_server(("127.0.0.1", GATEWAY.port)):
        words = f"port 127.0.0.1:{GATEWAY.port} (for gateway): in use by process {os.getpid()}"
        screen = status("forward-gateway does not run")
        assert "run `make up`" in screen
        assert GATEWAY.variable in refused("up")
        assert words in refused("up")


@contextmanager
def _full(folder: str) -> Iterator[None]:
    """A volume's folder on a disk without room."""
    mount = ("mount", "-t", "tmpfs", "-o", "size=64k,mode=0777", "full", folder)
    subprocess.run(mount, check=True)
    with ExitStack() as done:
        done.callback(subprocess.run, ("umount", "--lazy", folder), check=True)
        yield


@pytest.mark.usefixtures("mended")
def test_a_full_disk_under_a_volume(
    kubectl: Callable[..., str], status: Callable[[str], str], refused: Callable[..., str]
) -> None:
    """Prometheus stays ready on it, and loses what it is sent."""
    volume = kubectl("get", "pvc", "-n", "observability", "prometheus", "-o", "jsonpath={.spec.volumeName}")
    folder = kubectl("get", "pv", volume, "-o", "jsonpath={.spec.local.path}{.spec.hostPath.path}")
    restart = ("delete", "pod", "-n", "observability", "-l", "app.kubernetes.io/name=prometheus", "--wait=true")
    with ExitStack() as afterwards, _full(folder):
        afterwards.callback(kubectl, *restart)
        kubectl(*restart)
        words = f"volume of observability/prometheus ({folder}): no space left on it"
        assert "free space on its disk" in status(words)
        assert words in refused("up")
