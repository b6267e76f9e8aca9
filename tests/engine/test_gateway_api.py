"""Ownership of the Gateway API definitions, on the real engine, provider and API server.

The tests of this file share one stack and run in file order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_mesh.core import versions
from otel_mesh.mesh.installing.gateway_api import KINDS
from tests.engine.stack_program import counted
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.built import Built
    from tests.engine.api_server import ApiServer
    from tests.engine.stack_program import StackProgram

pytestmark = [pytest.mark.engine, pytest.mark.in_order]

GROUP = "gateway.networking.k8s.io"
ROUTES = f"httproutes.{GROUP}"
MARK = r"{.metadata.annotations.gateway\.networking\.k8s\.io/bundle-version}"


@pytest.fixture(scope="module")
def program(
    tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path, str], StackProgram], built: Built
) -> StackProgram:
    program = new_program(tmp_path_factory.mktemp("gateway-api"), "gateway_api")
    program.environment["CHARTS_DIR"] = str(built.charts())
    return program


@pytest.fixture(scope="module")
def kubectl(api_server: ApiServer, kubeconfig: Path) -> Iterator[Callable[..., str]]:
    def call(*words: str) -> str:
        done = api_server.kubectl(words, kubeconfig)
        assert done.returncode == 0, done.stderr
        return done.stdout

    yield call
    names = [one for one in call("get", "crd", "-o", "name").split() if one.endswith(GROUP)]
    if names:
        call("delete", *names)


def _there(kubectl: Callable[..., str]) -> set[str]:
    return {one for one in kubectl("get", "crd", "-o", "name").split() if one.endswith(f".{GROUP}")}


def test_all_definitions_are_installed_and_served(program: StackProgram, kubectl: Callable[..., str]) -> None:
    steps = program.up()
    made = [one for one in steps if one.type.endswith(":CustomResourceDefinition")]
    assert counted(made) == {"create": len(KINDS)}
    assert len(_there(kubectl)) == len(KINDS)
    assert kubectl("get", "crd", ROUTES, "-o", f"jsonpath={MARK}") == f"v{versions.GATEWAY_API}"
    # established; discovery follows
    wait_for(lambda: ROUTES in kubectl("api-resources", f"--api-group={GROUP}", "--cached=false", "-o", "name"))
    assert kubectl("get", ROUTES, "--all-namespaces", "-o", "name") == ""
    assert program.up() == []


def test_definitions_outlive_the_stack_and_are_adopted_again(
    program: StackProgram, kubectl: Callable[..., str]
) -> None:
    before = kubectl("get", "crd", ROUTES, "-o", "jsonpath={.metadata.uid}")
    program.run("destroy", "--yes", "--skip-preview")
    assert len(_there(kubectl)) == len(KINDS)
    program.up()
    assert kubectl("get", "crd", ROUTES, "-o", "jsonpath={.metadata.uid}") == before


def test_definitions_of_another_release_stop_the_update(program: StackProgram, kubectl: Callable[..., str]) -> None:
    program.run("destroy", "--yes", "--skip-preview")
    theirs = f"{GROUP}/bundle-version=v1.7.0"
    kubectl("annotate", "--overwrite", "--field-manager=somebody-else", "crd", ROUTES, theirs)
    done = program.run("up", "--yes", "--skip-preview", check=False)
    assert done.returncode != 0
    assert "somebody-else" in done.stdout
    assert ROUTES in done.stdout
    assert kubectl("get", "crd", ROUTES, "-o", f"jsonpath={MARK}") == "v1.7.0", "nothing of theirs was changed"


def test_definitions_are_deleted_if_the_settings_say_so(program: StackProgram, kubectl: Callable[..., str]) -> None:
    mine = f"{GROUP}/bundle-version=v{versions.GATEWAY_API}"
    kubectl("annotate", "--overwrite", "--field-manager=somebody-else", "crd", ROUTES, mine)
    program.environment["CRDS"] = "delete"
    program.up()
    program.run("destroy", "--yes", "--skip-preview")
    assert _there(kubectl) == set()
