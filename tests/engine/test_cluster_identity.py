"""A stack stays on its cluster: two real API servers, one context name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.engine.api_server import ApiServer
from tests.engine.conftest import CONTEXT
from tests.engine.project import CANARY, Project
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

UP = ("up", "--yes", "--skip-preview")


def _uid(server: ApiServer, kubeconfig: Path) -> str:
    done = server.kubectl(["get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"], kubeconfig)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def other_server(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[ApiServer]:
    with ApiServer.running(programs, tmp_path_factory.mktemp("other-api-server")) as server:
        yield server


@pytest.fixture(scope="module")
def other_kubeconfig(tmp_path_factory: pytest.TempPathFactory, other_server: ApiServer) -> Path:
    path = tmp_path_factory.mktemp("other-kube") / "config"
    path.write_text(other_server.kubeconfig(CONTEXT))
    return path


@pytest.fixture
def uids(api_server: ApiServer, kubeconfig: Path, other_server: ApiServer, other_kubeconfig: Path) -> tuple[str, str]:
    return _uid(api_server, kubeconfig), _uid(other_server, other_kubeconfig)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, new_project: Callable[[Path, str], Project]) -> Project:
    return new_project(tmp_path_factory.mktemp("identity"), "identity")


@pytest.fixture(scope="module")
def deployed(project: Project) -> Project:
    project.up()
    return project


def _stored(project: Project) -> list[str]:
    """The content of the state without the stack resource and without ciphertexts, which differ in every run."""

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items() if key != "ciphertext"}
        return [plain(one) for one in value] if isinstance(value, list) else value

    resources = project.state()["checkpoint"].get("latest", {}).get("resources") or []
    return [json.dumps(plain(one)) for one in resources if one["type"] != "pulumi:pulumi:Stack"]


def _refused(project: Project, *command: str, **environment: str) -> str:
    """Runs a command that must be refused without a change; returns the reported mistake."""
    before = _stored(project)
    done = project.run(*command, check=False, **environment)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in text
    assert CANARY not in text
    assert _stored(project) == before
    lines = [line.strip() for line in text[text.index("Diagnostics:") :].splitlines()]
    headline = next(place for place, line in enumerate(lines) if line.endswith("1 mistake, nothing was changed"))
    assert not lines[headline + 2] or lines[headline + 2].startswith("error: an unhandled error occurred")
    return lines[headline + 1]


def test_a_stack_that_names_its_cluster_starts_on_no_other(
    new_project: Callable[[Path, str], Project], tmp_path: Path, api_server: ApiServer, kubeconfig: Path
) -> None:
    named = new_project(tmp_path, "named")
    own, wrong = _uid(api_server, kubeconfig), "00000000-0000-4000-8000-000000000000"
    named.configure({"cluster.uid": wrong})
    assert _refused(named, *UP) == (
        f"cluster.uid: names {wrong}, but context '{CONTEXT}' leads to {own}; "
        "choose the context of the stack's own cluster"
    )
    named.configure({"cluster.uid": own})
    assert {step.op for step in named.preview()} == {"create"}


def test_the_cluster_is_recorded_before_any_object_is_created(
    deployed: Project, api_server: ApiServer, kubeconfig: Path
) -> None:
    resources = deployed.state()["checkpoint"]["latest"]["resources"]
    types = [one["type"] for one in resources]
    assert types.index("pulumi:index:Stash") < min(
        place for place, name in enumerate(types) if name.startswith("kubernetes:")
    )
    (record,) = (one for one in resources if one["type"] == "pulumi:index:Stash")
    assert record["outputs"]["output"] == _uid(api_server, kubeconfig)


@pytest.mark.parametrize("command", [UP, ("preview",)], ids=["up", "preview"])
def test_another_cluster_under_the_same_name_is_refused(
    deployed: Project, command: tuple[str, ...], uids: tuple[str, str], other_server: ApiServer, other_kubeconfig: Path
) -> None:
    own, other = uids
    assert own != other
    deployed.configure({"services.api-gateway.replicas": 2})  # a pending change
    assert _refused(deployed, *command, KUBECONFIG=str(other_kubeconfig)) == (
        f"cluster.context: '{CONTEXT}' leads to another cluster ({other}) than the one that the stack was deployed to "
        f"({own}); choose that cluster's context; if it is gone for good, remove the stack's state "
        "(pulumi stack rm --force) and deploy anew"
    )
    found = other_server.kubectl(["get", "namespaces", "--output=name"], other_kubeconfig).stdout
    assert "namespace/default" in found
    assert "identity" not in found


def test_the_recorded_cluster_is_accepted_again(deployed: Project) -> None:
    deployed.configure({"services.api-gateway.replicas": 3})
    assert [step.place for step in deployed.up()] == ["Deployment api-gateway"]


def test_the_recorded_cluster_is_unchanged(deployed: Project, api_server: ApiServer, kubeconfig: Path) -> None:
    (record,) = (
        one for one in deployed.state()["checkpoint"]["latest"]["resources"] if one["type"] == "pulumi:index:Stash"
    )
    assert {json.dumps(record[part]["input"]) for part in ("inputs", "outputs")} == {
        json.dumps(_uid(api_server, kubeconfig))
    }


def test_an_unreachable_cluster_is_named_in_the_error(deployed: Project, kubeconfig: Path, tmp_path: Path) -> None:
    content = yaml.safe_load(kubeconfig.read_text())
    content["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    silent = tmp_path / "config"
    silent.write_text(yaml.safe_dump(content))
    mistake = _refused(deployed, *UP, KUBECONFIG=str(silent))
    assert mistake.startswith(f"cluster.context: the cluster of context '{CONTEXT}' doesn't answer (")


def test_a_certificate_from_another_cluster_is_named_in_the_error(
    deployed: Project, kubeconfig: Path, other_kubeconfig: Path, tmp_path: Path
) -> None:
    content, other = (yaml.safe_load(path.read_text()) for path in (kubeconfig, other_kubeconfig))
    content["clusters"][0]["cluster"]["server"] = other["clusters"][0]["cluster"]["server"]
    mixed = tmp_path / "config"
    mixed.write_text(yaml.safe_dump(content))
    mistake = _refused(deployed, *UP, KUBECONFIG=str(mixed))
    assert mistake.startswith(
        f"cluster.context: the server of context '{CONTEXT}' has a certificate that is not the kubeconfig's; "
    )


def test_rejected_credentials_are_named_in_the_error(deployed: Project, kubeconfig: Path, tmp_path: Path) -> None:
    content = yaml.safe_load(kubeconfig.read_text())
    content["users"][0]["user"] = {"token": "not-a-real-token"}
    stranger = tmp_path / "config"
    stranger.write_text(yaml.safe_dump(content))
    mistake = _refused(deployed, *UP, KUBECONFIG=str(stranger))
    assert "refused to tell who it is (401 Unauthorized)" in mistake
    assert "not-a-real-token" not in mistake
