"""On call: `make status` and `make smoke` name the cause of a broken environment, and `make up` repairs it.

Each failure is caused as a user or an accident would cause it. The last line of the screen must name the cause and the
remedy. At the end, the environment is addressed as another cluster.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh.catalog.derivations import service_edges
from otel_mesh_cli.smoke import arrival, request
from otel_mesh_cli.stacks import local_stack
from otel_mesh_cli.stacks.addresses import GATEWAY, TOOLS
from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.node.node import registry
from otel_mesh_embedded.supervision import processes
from otel_mesh_stack.services import CATALOG
from tests.e2e import shop_traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from subprocess import CompletedProcess

    import httpx

pytestmark = [pytest.mark.e2e, pytest.mark.full]

_PATIENCE_S = 60.0


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


@pytest.fixture
def status(run: Callable[..., CompletedProcess[str]]) -> Callable[..., str]:
    """Poll until the last line of the screen has the words: some failures are detected with a delay.

    What does not stay broken is broken again before each look.
    """

    def call(words: str, broken: Callable[[], object] = lambda: None) -> str:
        end = time.monotonic() + _PATIENCE_S
        while True:
            broken()
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
    """Repairs the environment by `make up` after the test, and checks the screen."""
    yield
    done = run("make", "up", timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    healthy = run("make", "-s", "status")
    assert healthy.returncode == 0, healthy.stdout
    assert last_line(healthy.stdout).startswith("healthy: ")


@pytest.fixture
def refused(run: Callable[..., CompletedProcess[str]]) -> Callable[..., str]:
    """The single error line of a command that fails."""

    def call(*words: str) -> str:
        done = run("make", "-s", *words, timeout=600)
        assert done.returncode == 2, done.stdout
        lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
        lines = [line for line in lines if not line.endswith("; sending the request again")]
        assert len(lines) == 1, done.stderr
        return lines[0]

    return call


@pytest.mark.usefixtures("mended")
def test_a_collector_scaled_to_zero(
    kubectl: Callable[..., str], status: Callable[[str], str], refused: Callable[..., str]
) -> None:
    kubectl("scale", "-n", "observability", "deploy/otel-collector", "--replicas=0")
    assert "run `otel-mesh up`" in status("Deployment observability/otel-collector: scaled to 0, not 1")
    line = refused("smoke")
    assert "did not arrive" in line
    assert "Deployment observability/otel-collector: scaled to 0, not 1; run `otel-mesh up`" in line


@pytest.mark.usefixtures("mended")
def test_jaeger_deleted(kubectl: Callable[..., str], status: Callable[[str], str], refused: Callable[..., str]) -> None:
    kubectl("delete", "-n", "observability", "deploy/jaeger")
    assert "run `otel-mesh up`" in status("Deployment observability/jaeger does not exist")
    assert "Deployment observability/jaeger does not exist; run `otel-mesh up`" in refused("smoke").replace(
        " (and 1 more: `otel-mesh status`)", ""
    )


@pytest.mark.usefixtures("mended")
def test_a_wrong_image_while_old_pods_still_serve(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str], status: Callable[[str], str]
) -> None:
    kubectl("set", "image", "-n", "shop", "deploy/user-service", "user-service=otel-mesh.local/user-service:absent")
    line = status("Deployment shop/user-service: container user-service is to run")
    assert "user-service:absent, not otel-mesh.local/user-service:" in line
    assert run("make", "-s", "smoke").returncode == 0, "the old pod serves"


@pytest.mark.usefixtures("mended")
def test_a_secret_deleted_while_its_pods_run(kubectl: Callable[..., str], status: Callable[[str], str]) -> None:
    kubectl("delete", "-n", "shop", "secret/postgres-credentials")
    assert "run `otel-mesh up`" in status("Secret shop/postgres-credentials does not exist")


@pytest.mark.usefixtures("mended")
def test_postgres_killed_repeatedly(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str], status: Callable[..., str]
) -> None:
    """PostgreSQL is killed after each restart, until kubelet backs off: 10 s at first, twice as long each time."""

    def back_off() -> None:
        end = time.monotonic() + _PATIENCE_S
        waiting = "jsonpath={.status.containerStatuses[?(@.name=='postgres')].state.waiting.reason}"
        while kubectl("get", "pod", "-n", "shop", "postgres-0", "-o", waiting) != "CrashLoopBackOff":
            assert time.monotonic() < end
            run("kubectl", "exec", "-n", "shop", "postgres-0", "-c", "postgres", "--", "sh", "-c", "kill -INT 1")
            time.sleep(0.5)

    assert "container postgres" in status("pod shop/postgres-0", back_off)


def _end(name: str) -> None:
    """Kill a program of the node and, before it, its supervisor."""
    mains = [one for one in registry(layout()).processes() if one.is_main and one.name in ("supervisor", name)]
    for process in sorted(mains, key=lambda one: one.name != "supervisor"):
        assert processes.send(process, signal.SIGKILL)
    assert processes.wait(mains, 10) == []


@pytest.mark.usefixtures("mended")
def test_a_dead_node_program_and_its_dead_supervisor(status: Callable[[str], str]) -> None:
    _end("kube-scheduler")
    assert "run `otel-mesh up`" in status("node: kube-scheduler does not run")


@pytest.mark.usefixtures("mended")
def test_a_port_taken_by_another_program(status: Callable[[str], str], refused: Callable[..., str]) -> None:
    _end("forward-gateway")
    with socket.create_server(("127.0.0.1", GATEWAY.port)):
        words = f"port 127.0.0.1:{GATEWAY.port} (for gateway): in use by process {os.getpid()}"
        screen = status("forward-gateway does not run")
        assert "run `otel-mesh up`" in screen
        assert GATEWAY.variable in refused("up")
        assert words in refused("up")


@contextmanager
def _full(folder: str) -> Iterator[None]:
    """A volume's folder on a full disk."""
    mount = ("mount", "-t", "tmpfs", "-o", "size=64k,mode=0777", "full", folder)
    subprocess.run(mount, check=True)
    with ExitStack() as done:
        done.callback(subprocess.run, ("umount", "--lazy", folder), check=True)
        yield


@pytest.mark.usefixtures("mended")
def test_a_full_disk_under_a_volume(
    kubectl: Callable[..., str], status: Callable[[str], str], refused: Callable[..., str]
) -> None:
    """Prometheus stays ready on a full disk, but loses received data."""
    volume = kubectl("get", "pvc", "-n", "observability", "prometheus", "-o", "jsonpath={.spec.volumeName}")
    folder = kubectl("get", "pv", volume, "-o", "jsonpath={.spec.local.path}{.spec.hostPath.path}")
    restart = ("delete", "pod", "-n", "observability", "-l", "app.kubernetes.io/name=prometheus", "--wait=true")
    with ExitStack() as afterwards, _full(folder):
        afterwards.callback(kubectl, *restart)
        kubectl(*restart)
        words = f"volume of observability/prometheus ({folder}): no space left on it"
        assert "free space on its disk" in status(words)
        assert words in refused("up")


CONTEXT = "elsewhere"


@pytest.fixture
def elsewhere(
    run: Callable[..., CompletedProcess[str]], settings: Mapping[str, str], tmp_path: Path
) -> Callable[..., CompletedProcess[str]]:
    """Query the embedded cluster as another one: by a kubeconfig context, without loopback ports of its backends."""
    content = yaml.safe_load(Path(settings["KUBECONFIG"]).read_text())
    content["contexts"][0]["name"] = content["current-context"] = CONTEXT
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))

    def call(*words: str, user: Mapping[str, Any] | None = None) -> CompletedProcess[str]:
        if user is not None:
            content["users"][0]["user"] = dict(user)
            (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))
        with ExitStack() as closed:
            unused = [closed.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in TOOLS]
            ports = {one.variable: str(free.getsockname()[1]) for one, free in zip(TOOLS, unused, strict=True)}
            closed.close()
            env = {**ports, "KUBECONFIG": str(tmp_path / "kubeconfig"), "COLUMNS": "160"}
            words = (*words, "--stack", "local", "--context", CONTEXT)
            return run(sys.executable, "-m", "otel_mesh_cli", *words, env=env)

    return call


def test_b10_questions_are_answered_through_the_api_server_of_another_cluster(
    elsewhere: Callable[..., CompletedProcess[str]], http: httpx.Client
) -> None:
    shop_traffic.send(http)
    trace_id = request.request(http)
    arrival.wait_for_trace(http, trace_id, request.problems)

    def says(*words: str, told: tuple[str, ...]) -> str:
        end = time.monotonic() + _PATIENCE_S
        while True:
            done = elsewhere(*words)
            if done.returncode == 0 and all(one in done.stdout for one in told):
                return done.stdout
            assert time.monotonic() < end, done.stdout + done.stderr
            time.sleep(2)

    said = says("trace", trace_id, told=(f"trace {trace_id}", *request.SERVICES, "INFO"))
    assert "logs: 0 lines" not in said
    said = says("slow", "--since", "5m", "--limit", "100", told=(trace_id,))
    assert f"otel-mesh trace {trace_id} --context {CONTEXT}\n" in said
    assert said.splitlines()[0].endswith(f"requests of {request.SERVICES[0]} in the last 5m")
    says("map", "--since", "5m", told=tuple(callee for _, callee in service_edges(CATALOG)))
    done = elsewhere("errors", "--output", "json")
    assert done.returncode == 0, done.stderr
    assert '"groups"' in done.stdout


def test_b10_a_forbidden_service_proxy_names_the_missing_rbac_permission(
    elsewhere: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str]
) -> None:
    namespace = local_stack.settings().namespaces.observability
    place = ("-n", namespace, "on-call-test")
    kubectl("create", "serviceaccount", *place)
    try:
        user = {"token": kubectl("create", "token", *place).strip()}
        done = elsewhere("errors", user=user)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"otel-mesh: context {CONTEXT}: services ")
        assert f'cannot get resource "services/proxy" in API group "" in the namespace "{namespace}"; ' in line
        assert line.endswith(f"have a Role in namespace {namespace} grant you the verb get on services/proxy")
        kubectl("create", "role", *place, "--verb=get", "--resource=services/proxy")
        kubectl("create", "rolebinding", *place, "--role=on-call-test", f"--serviceaccount={namespace}:on-call-test")
        done = elsewhere("errors", user=user)
        assert done.returncode == 0, done.stderr
    finally:
        kubectl("delete", "--ignore-not-found", "rolebinding,role,serviceaccount", *place)
    done = elsewhere("errors", user={"token": "of-nobody"})
    assert "the API server does not accept the credentials of the kubeconfig (401)" in done.stderr
