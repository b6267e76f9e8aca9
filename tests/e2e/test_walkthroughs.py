"""S2.13, S2.11, S2.12: the four on-call walk-throughs, as commands on the running environment."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from otel_mesh.catalog.derivations import service_edges
from otel_mesh_cli.oncall import traces
from otel_mesh_cli.smoke import arrival, request
from otel_mesh_cli.stacks.addresses import GATEWAY, JAEGER
from otel_mesh_stack.services import CATALOG
from tests.e2e import shop_traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import CompletedProcess

    import httpx

pytestmark = pytest.mark.e2e

_PATIENCE_S = 90.0


@pytest.fixture
def says(run: Callable[..., CompletedProcess[str]]) -> Callable[..., str]:
    """Run a command until its output has all the words: telemetry arrives with a delay of some seconds."""

    def call(*command: str, words: tuple[str, ...] = ()) -> str:
        end = time.monotonic() + _PATIENCE_S
        while True:
            done = run("make", "-s", *command, env={"COLUMNS": "120"})
            missing = [word for word in words if word not in done.stdout]
            if done.returncode == 0 and not missing:
                return done.stdout
            assert time.monotonic() < end, f"lacks {missing}: {done.stdout}{done.stderr}"
            time.sleep(2)

    return call


def test_one_trace_across_services_with_its_logs(http: httpx.Client, says: Callable[..., str]) -> None:
    trace_id = request.request(http)
    arrival.wait_for_trace(http, trace_id, request.problems)
    said = says("trace", f"ID={trace_id}", words=(*request.SERVICES, f"trace {trace_id}"))
    page = traces.page(http, JAEGER.url, trace_id)
    assert (f"{JAEGER.url}/trace/{trace_id}" in said) is (page is not None)
    assert "failed first" not in said
    said = says("trace", f"ID={trace_id}", words=("INFO",))
    assert "logs: 0 lines" not in said


def test_the_slow_hop(http: httpx.Client, says: Callable[..., str]) -> None:
    trace_id = request.request(http)
    arrival.wait_for_trace(http, trace_id, request.problems)
    said = says("slow", "SINCE=5m", "LIMIT=100", "ROUTE=/api/users/{id}", words=(trace_id,))
    assert said.splitlines()[0].startswith("slowest ")
    assert "self time" in said
    times = [float(line.split()[0]) for line in said.splitlines() if line.lstrip()[:1].isdigit() and " ms  " in line]
    assert times == sorted(times, reverse=True)


def test_the_map_compared_with_the_catalog(http: httpx.Client, says: Callable[..., str]) -> None:
    shop_traffic.send(http)
    said = says("map", "SINCE=5m", words=tuple(callee for _, callee in service_edges(CATALOG)))
    end = time.monotonic() + _PATIENCE_S
    while _silent(said) and time.monotonic() < end:
        time.sleep(2)
        said = says("map", "SINCE=5m")
    rows = {tuple(line.split()[:2]): line for line in said.splitlines()}
    assert all("declared" in rows[edge] for edge in service_edges(CATALOG)), said
    own = {service.name for service in CATALOG.services}  # another test's route of the gateway may have been there
    assert not [pair for pair, line in rows.items() if "UNDECLARED" in line and own.intersection(pair)], said
    assert not _silent(said), said


def _silent(said: str) -> list[str]:
    """Rows of the platform's own declared calls that nobody made; a team's stack may have been there just now."""
    callers = {caller for caller, _ in service_edges(CATALOG)}
    return [line for line in said.splitlines() if "silent" in line and line.split()[0] in callers]


@pytest.fixture
def no_user_service(kubectl: Callable[..., str]) -> Iterator[None]:
    scale = ("scale", "-n", "shop", "deploy/user-service")
    kubectl(*scale, "--replicas=0")
    try:
        kubectl(
            "wait", "-n", "shop", "--for=delete", "pod", "-l", "app.kubernetes.io/name=user-service", "--timeout=180s"
        )
        yield
    finally:
        kubectl(*scale, "--replicas=1")
        kubectl("rollout", "status", "-n", "shop", "deploy/user-service", "--timeout=180s")


@pytest.mark.full
@pytest.mark.usefixtures("no_user_service")
def test_the_failing_hop_and_its_culprit(http: httpx.Client, says: Callable[..., str]) -> None:
    answer = http.get(f"{GATEWAY.url}{request.PATH}")
    assert answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    said = says("errors", "SINCE=2m", words=("user-service", "otel-mesh trace "))
    _, found, group = said.partition(" x  user-service  ")
    assert found, said
    trace_id = group.split("otel-mesh trace ")[1][:32]
    assert "failed first: user-service" in says("trace", f"ID={trace_id}")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("trace",), "trace id: not given"),
        (("trace", "ID=1"), "1: not a trace id"),
        (("slow", "SERVICE=nobody"), "--service nobody: Jaeger has no spans of it"),
        (("errors", "SINCE=soon"), "--since soon: not a duration"),
        (("map", "SINCE=0m"), "--since 0m: not a duration"),
    ],
)
def test_bad_input_is_a_one_line_error(
    run: Callable[..., CompletedProcess[str]], command: tuple[str, ...], words: str
) -> None:
    done = run("make", "-s", *command)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(lines) == 1
    assert words in lines[0]
