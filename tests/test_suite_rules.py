"""What holds for the suite itself: who may use programs, and that a failure stays where it happened."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from otel_mesh_embedded import packages, toolchain
from otel_mesh_embedded.toolchain import charts
from tests.built import Built
from tests.e2e import meshes, parts
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

TESTS = repo_dir() / "tests"
FAILING = """
import socket, subprocess, sys
import pytest

def test_leaves_something_and_fails():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    connection = socket.socket()
    assert process.pid == 0

@pytest.mark.parametrize("number", range(5))
def test_has_nothing_to_do_with_it(number):
    pass
"""


def test_a_test_without_the_marker_finds_no_program() -> None:
    with pytest.raises(CommandError, match="program.* otelcol: not to be had from PATH"):
        toolchain.folder(("otelcol",))
    with pytest.raises(CommandError, match=r"programs are not here \(otelcol\); run `make test`, which gets it first"):
        Built()("otelcol")
    with pytest.raises(CommandError, match="Debian package redis-server: not unpacked here; run `make test`"):
        Built().debian("redis-server")
    with pytest.raises(CommandError, match="Istio's charts: not here; run `make test`"):
        Built().charts()
    code = "from otel_mesh_embedded import toolchain; toolchain.folder(['otelcol'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=repo_dir(), check=False)
    assert "otelcol: not to be had from PATH" in done.stderr


def test_the_marker_is_set_by_the_fixture(request: pytest.FixtureRequest) -> None:
    items = [one for one in request.session.items if not one.get_closest_marker("e2e")]
    for item in items:
        uses = "built" in getattr(item, "fixturenames", ())
        assert uses == (item.get_closest_marker("programs") is not None), item.nodeid


def test_programs_that_nobody_gets_before_are_refused() -> None:
    with pytest.raises(CommandError, match="programs kubelet: not of the toolchain's group test"):
        Built()("kubelet")


def test_no_other_place_gets_programs() -> None:
    """But for tests of what gets them, with modules of their own."""
    getting = re.compile(r"\b(?:toolchain\.(?:folder|path|choices)|charts\.ensure|packages\.ensure)\(")
    found = {
        str(path.relative_to(TESTS))
        for path in TESTS.rglob("*.py")
        if "e2e" not in path.parts and getting.search(path.read_text())
    }
    assert found == {
        "built.py",
        "linkerd_charts/__init__.py",
        "test_suite_rules.py",
        "embedded/images/docker_registry.py",
        "embedded/packages/test_debian_prefix.py",
        "embedded/toolchain/test_toolchain_charts.py",
    }


@pytest.mark.usefixtures("built")
def test_what_is_got_beforehand_is_here() -> None:
    assert toolchain.present(toolchain.GROUPS["test"])
    assert packages.here(("redis-server",))
    assert charts.folder().is_dir()


def test_what_a_failed_test_leaves_is_told_of_there_and_fails_no_other(tmp_path: Path) -> None:
    (tmp_path / "test_failing.py").write_text(FAILING)
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "-c", str(repo_dir() / "pyproject.toml"), "-q", "-rA"]
    command = [sys.executable, "-m", "pytest", *options, "-p", "no:randomly", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=repo_dir(), timeout=120, check=False)
    lines = done.stdout.splitlines()
    told = [line for line in lines if line.startswith(("ERROR ", "FAILED "))]
    assert {line.partition("::")[2].split()[0] for line in told} == {"test_leaves_something_and_fails"}, done.stdout
    assert {line.split()[0] for line in told} == {"ERROR", "FAILED"}
    assert "1 failed, 5 passed, 1 error" in lines[-1]


def test_a_port_is_free_and_not_given_twice_in_a_row() -> None:
    given = [free_port() for _ in range(50)]
    assert len(set(given)) == len(given)
    assert all(20_000 <= port < 30_000 for port in given)
    with socket.create_server(("127.0.0.1", given[0])):
        assert given[0] not in {free_port() for _ in range(100)}


def test_every_long_test_has_its_part() -> None:
    marked = {path.stem for path in (TESTS / "e2e").glob("test_*.py") if "pytest.mark.full" in path.read_text()}
    assert marked == set(parts.BY_FILE)
    assert len(set(parts.NAMES)) == len(parts.NAMES)


def test_every_file_about_a_mesh_says_which_and_why_no_other() -> None:
    files = {path.stem for path in (TESTS / "e2e").glob("test_*.py")}
    about = {name for name in files if name.startswith(("test_mesh", "test_linkerd"))}
    assert about <= set(meshes.BY_FILE) <= files
    for name, one in meshes.BY_FILE.items():
        assert bool(one.reason) == (one.kinds != meshes.KINDS), name


def test_a_mesh_that_the_stack_does_not_have_is_refused_before_anything_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = next(kind for kind in meshes.KINDS if kind != stack_mesh().kind)
    assert meshes.main([other]) == 2
    assert f"Pulumi.local.yaml: mesh.kind is {stack_mesh().kind}; set it to {other}" in capsys.readouterr().err
    assert meshes.main(["cilium"]) == 2
    assert meshes.main([stack_mesh().kind]) == 0
