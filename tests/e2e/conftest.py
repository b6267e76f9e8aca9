"""Fixtures for the running environment: the shell settings of `make env`, an HTTP client, kubectl.

Without a running environment the tests fail; they are not skipped.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.smoke import request
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from otel_mesh_embedded.environment import env
from tests.e2e import meshes, parts
from tests.e2e.traffic_lab import lab

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    import httpx

    from tests.e2e.traffic_lab import Lab


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", choices=parts.NAMES, help="run one part only, see tests/e2e/parts.py")
    parser.addoption("--mesh", choices=meshes.KINDS, help="run the tests of this mesh only, see tests/e2e/meshes.py")


NOT_RUN: Final = pytest.StashKey[Counter[str]]()
"""Number of tests that do not run on the stack's mesh, by file and reason."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Select the tests of the stack's mesh and of the requested part."""
    mine = [one for one in items if isinstance(one, pytest.Function)]
    refused = {one: reason for one in mine if (reason := meshes.why_not(one, stack_mesh())) is not None}
    config.stash[NOT_RUN] = Counter(f"{one.path.stem}: {reason}" for one, reason in refused.items())
    chosen = [one for one in mine if one not in refused]
    if (mesh := config.getoption("mesh")) is not None:
        if (problem := meshes.other_mesh(mesh)) is not None:
            raise pytest.UsageError(problem)
        chosen = [one for one in chosen if one.path.stem in meshes.BY_FILE]
    if (part := config.getoption("part")) is not None:
        chosen = [one for one in chosen if parts.of(one, interrupted_points()) == part]
    if len(chosen) < len(mine):
        config.hook.pytest_deselected(items=[one for one in mine if one not in chosen])
        items[:] = chosen


def interrupted_points() -> int:
    """Number of points at which an update is killed."""
    return int(os.environ.get("POINTS", "20"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell of a failure at once: the rest of a part may take an hour, and its summary comes last."""
    report = yield
    terminal = item.config.pluginmanager.get_plugin("terminalreporter")
    if report.failed and call.excinfo is not None and terminal is not None:
        terminal.ensure_newline()
        terminal.write_line(f"{report.when} failed: {report.nodeid}: {call.excinfo.exconly().splitlines()[0]}")
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report each killed process with its point, the result, and the command that repeats it."""
    if not_run := terminalreporter.config.stash.get(NOT_RUN, None):
        terminalreporter.section(f"not run on mesh.kind {stack_mesh().kind}")
        for reason, number in sorted(not_run.items()):
            terminalreporter.write_line(f"{number} of {reason}")
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    lines = [str(text) for report in reports for name, text in report.user_properties if name == "killed"]
    if lines:
        terminalreporter.section("what was killed")
        for line in lines:
            terminalreporter.write_line(line)
    for report in reports:
        for name, text in report.user_properties:
            if name == "table":
                terminalreporter.section(report.nodeid.rpartition("::")[2])
                terminalreporter.write_line(str(text))


collect_ignore_glob = ["test_gateway_tls.py"] if stack_mesh().gateway and not stack_mesh().gateway_tls else []


@pytest.fixture(scope="session")
def settings() -> Mapping[str, str]:
    return env.settings()


@pytest.fixture(scope="session")
def http(settings: Mapping[str, str]) -> Iterator[httpx.Client]:  # noqa: ARG001 -- the environment must be running
    with request.client() as client:
        yield client


@pytest.fixture(scope="session")
def run(settings: Mapping[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command with the shell settings of `make env`."""

    def call(*command: str, timeout: float = 300, **more: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
        return subprocess.run(
            command,
            env={**os.environ, **settings, **more.pop("env", {})},
            cwd=repo_dir(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            **more,
        )

    return call


@pytest.fixture(scope="session")
def kubectl(run: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., str]:
    """Run kubectl and return its output; a failure fails the test."""

    def call(*words: str, **more: Any) -> str:  # noqa: ANN401
        done = run("kubectl", *words, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.fixture(scope="session")
def pods(kubectl: Callable[..., str]) -> Callable[[], list[dict[str, Any]]]:
    """The pods of the platform's namespaces, as objects; without those of Jobs, which end."""

    def call() -> list[dict[str, Any]]:
        return [
            pod
            for namespace in ("observability", "shop")
            for pod in json.loads(kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]
            if all(one["kind"] != "Job" for one in pod["metadata"].get("ownerReferences", ()))
        ]

    return call


@pytest.fixture
def note(kubectl: Callable[..., str]) -> Callable[[], str]:
    """Write a row into PostgreSQL; return how to read it back."""
    value = secrets.token_hex(8)
    psql = 'PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") exec psql --no-password -At -U shop -d user_service -c "$1"'

    def sql(text: str) -> str:
        return kubectl("exec", "-n", "shop", "statefulset/postgres", "--", "sh", "-c", psql, "sh", text).strip()

    sql("create table if not exists e2e_note (value text)")
    sql(f"insert into e2e_note values ('{value}')")  # noqa: S608 -- our own hexadecimal digits

    def read() -> str:
        return sql(f"select count(*) from e2e_note where value = '{value}'")  # noqa: S608 -- our own hexadecimal digits

    assert read() == "1"
    return read


@pytest.fixture(scope="module")
def server(kubectl: Callable[..., str]) -> Iterator[Lab]:
    """Two versions of a server and a client in the mesh."""
    with lab(kubectl, "shop") as made:
        yield made
