"""Fixtures of the engine tests: a shared API server and PULUMI_HOME, and a separate project per test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.stacks import pulumi_cli
from tests.engine.api_server import ApiServer
from tests.engine.project import STACK, Project
from tests.engine.stack_program import Engine, StackProgram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.built import Built


CONTEXT = "otel-mesh-local"


@pytest.fixture(scope="session")
def programs(built: Built) -> Path:
    return built("test")


@pytest.fixture(scope="session")
def pulumi_home(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Path:  # noqa: ARG001 - built first
    home = tmp_path_factory.mktemp("pulumi-home")
    pulumi_cli.make_home(home)
    return home


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[ApiServer]:
    with ApiServer.running(programs, tmp_path_factory.mktemp("api-server")) as server:
        yield server


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory, api_server: ApiServer) -> Path:
    path = tmp_path_factory.mktemp("kube") / "config"
    path.write_text(api_server.kubeconfig(CONTEXT))
    return path


@pytest.fixture(scope="session")
def engine(programs: Path, pulumi_home: Path, kubeconfig: Path) -> Engine:
    return Engine(programs, pulumi_home, kubeconfig)


@pytest.fixture(scope="session")
def new_project(programs: Path, pulumi_home: Path, kubeconfig: Path) -> Callable[[Path, str], Project]:
    """Creates projects with separate namespaces, since the API server is shared."""

    def make(folder: Path, suffix: str) -> Project:
        project = Project(folder, programs, pulumi_home, kubeconfig)
        project.configure(
            {
                "wait": False,  # without a kubelet no pod becomes ready
                "mesh": {"kind": "none"},  # the mesh belongs to the whole cluster: one test at a time
                "namespaces.observability": f"observability-{suffix}",
                "namespaces.services": f"shop-{suffix}",
            }
        )
        project.run("stack", "init", STACK, "--no-select")
        return project

    return make


@pytest.fixture(scope="session")
def new_program(engine: Engine) -> Callable[[Path, str], StackProgram]:
    """Creates a stack ``test`` for a program in tests/engine/programs."""

    def make(folder: Path, name: str) -> StackProgram:
        project = folder / "project"
        project.mkdir()
        (project / "programs").symlink_to(repo_dir() / "tests" / "engine" / "programs")
        content = {"name": name, "runtime": "python", "main": f"programs/{name}.py"}
        (project / "Pulumi.yaml").write_text(yaml.safe_dump(content))
        program = StackProgram(folder, engine, (name, project), "test")
        program.environment["PYTHONPATH"] = str(repo_dir())
        program.init()
        return program

    return make
