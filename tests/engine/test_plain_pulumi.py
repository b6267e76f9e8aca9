"""C1: a fresh checkout and the stock Pulumi CLI bring a stack up: no command and no variable of this project."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_stack.services import CATALOG
from tests.engine.stack_program import StackProgram

if TYPE_CHECKING:
    from tests.engine.api_server import ApiServer
    from tests.engine.stack_program import Engine

pytestmark = [pytest.mark.engine, pytest.mark.in_order]

CONTEXT = "my-cluster"
REGISTRY = "registry.example.com/shop"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, engine: Engine, api_server: ApiServer) -> StackProgram:
    """The files of a checkout that the CLI reads, with a kubeconfig of the user's own."""
    api_server.collect_garbage(engine.programs / "kube-controller-manager")  # a destroy waits for it
    folder = tmp_path_factory.mktemp("plain")
    project = folder / "checkout"
    project.mkdir()
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        shutil.copy(repo_dir() / name, project)
    shutil.copytree(repo_dir() / "infra", project / "infra")
    plain = StackProgram(folder, engine, ("otel-mesh", project), "dev")
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(api_server.kubeconfig(CONTEXT))
    plain.environment["KUBECONFIG"] = str(kubeconfig)
    del plain.environment["PULUMI_STACK"]
    assert not [name for name in plain.environment if name.startswith("OTEL_MESH")]
    return plain


def _set(checkout: StackProgram, path: str, value: str) -> None:
    checkout.run("config", "set", "--path", f"otel-mesh:settings.{path}", value)


def _errors(checkout: StackProgram) -> list[str]:
    done = checkout.run("preview", check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    return [line for line in lines if line.startswith(("cluster.", "images", "services."))]


def test_the_first_preview_names_all_that_is_missing(checkout: StackProgram) -> None:
    checkout.run("stack", "init", "dev")
    context, images, *rest = _errors(checkout)
    assert context.startswith("cluster.context: no context 'otel-mesh-dev' in ")
    assert context.endswith(f"; valid are: {CONTEXT}") or CONTEXT in context
    assert images.startswith("images_from_file: OTEL_MESH_IMAGES_FILE is not set; ")
    assert "images.registry" in images
    assert not rest


def test_settings_alone_are_enough_for_a_preview(checkout: StackProgram) -> None:
    checkout.run("stack", "select", "dev")
    _set(checkout, "cluster.context", CONTEXT)
    _set(checkout, "images.registry", REGISTRY)
    _set(checkout, "images.tag", "1.4.0")
    _set(checkout, "mesh.kind", "none")  # its charts are in a repository that this machine may not reach
    _set(checkout, "wait", "false")  # without a kubelet no pod becomes ready
    for part in ("observability", "services"):
        _set(checkout, f"namespaces.{part}", f"plain-{part}")
    planned = [step["newState"] for step in checkout.plan() if step["op"] == "create"]
    deployments = {one["inputs"]["metadata"]["name"]: one["inputs"] for one in planned if _is_deployment(one["type"])}
    for service in CATALOG.services:
        (container,) = deployments[service.name]["spec"]["template"]["spec"]["containers"]
        assert container["image"] == f"{REGISTRY}/{service.name}:1.4.0"


def _is_deployment(token: str) -> bool:
    return token == "kubernetes:apps/v1:Deployment"  # noqa: S105 - a Pulumi type


def test_up_and_destroy_need_nothing_else(checkout: StackProgram) -> None:
    steps = checkout.up()
    assert {step.op for step in steps} == {"create"}
    assert checkout.up("--expect-no-changes") == []
    checkout.run("destroy", "--yes", "--skip-preview")
    assert checkout.resources() == []
