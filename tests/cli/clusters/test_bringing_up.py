"""`otel-mesh up` on another cluster up to the update, without root, Debian or the embedded distribution.

docker, podman, buildah, kind, kubectl and the Pulumi CLI are stand-ins (tests/cli/images/stand_ins.py), and the update
itself does not run. With a real cluster, registry and engine: tests/e2e/test_other_cluster.py.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from otel_mesh_cli import main as command
from otel_mesh_cli.clusters import Request, run, stack_images
from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import stacks_dir
from otel_mesh_stack.images import IMAGE_KEYS
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.images.stand_ins import Programs

DIGEST = f"sha256:{'0' * 64}"
SERVICES = sorted(service.name for service in CATALOG.services)
NO_DAEMON = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"


@pytest.fixture(autouse=True)
def updates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Programs) -> list[str]:
    """Updates that were asked for; none runs."""
    for name in ("PULUMI_BACKEND_URL", "PULUMI_HOME", "PULUMI_ACCESS_TOKEN", "OTEL_MESH_IMAGES_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    contexts = [{"name": name} for name in ("there", "kind-mine", "k3d-mine", "mine")]
    (tmp_path / "kubeconfig").write_text(json.dumps({"contexts": contexts}))
    monkeypatch.setattr(embedded, "find", lambda: None)
    programs.install("kubectl", "pulumi", "pulumi-language-python", "pulumi-language-python-exec")
    asked: list[str] = []

    def up(workspace: object, stack: str, *_: object) -> dict[str, int]:
        assert workspace
        asked.append(stack)
        return {"create": 1}

    monkeypatch.setattr("otel_mesh_cli.stacks.update.up", up)
    return asked


@pytest.fixture
def public(programs: Programs) -> None:
    """Every image that stack dev takes from a public registry is there."""
    settings = Request("dev", "there").settings()
    images = [
        part.image for path in IMAGE_KEYS if (part := stack_images.part(settings, path)) is not None and part.image
    ]
    programs.set("registry", dict.fromkeys([*images, "docker.io/library/python:3.11-slim"], DIGEST))


def said(request: Request) -> str:
    out = io.StringIO()
    run(request, Console(file=out, width=200))
    return out.getvalue()


def image_file() -> dict[str, Any]:
    return dict(json.loads((stacks_dir() / "dev" / "images.json").read_text()))


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("builder", ["docker", "podman", "buildah"])
def test_services_are_built_and_pushed_by_the_program_that_is_there(
    builder: str, programs: Programs, updates: list[str]
) -> None:
    programs.install(builder)
    text = said(Request("dev", "there", "r.example/shop"))
    assert f"images are built with {builder}" in text
    assert f"services are built on docker.io/library/python@{DIGEST}" in text
    assert f"{len(SERVICES)} images in r.example/shop" in text
    written = image_file()
    assert sorted(written) == SERVICES, "what public registries have is not built"
    assert all(image.startswith(f"r.example/shop/{name}:") and "@sha256:" in image for name, image in written.items())
    assert updates == ["dev"]


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("program", ["kind", "k3d", "minikube"])
def test_nodes_of_this_machine_get_images_without_a_registry(
    program: str, programs: Programs, updates: list[str]
) -> None:
    programs.install("docker", program)
    programs.set(program, {"clusters": ["mine"]})
    context = "mine" if program == "minikube" else f"{program}-mine"
    text = said(Request("dev", context))
    assert f"{len(SERVICES)} images in the nodes of {program} cluster mine" in text
    written = image_file()
    assert sorted(written) == SERVICES
    assert programs.get("nodes") == dict.fromkeys(written.values(), "mine")
    for name, image in written.items():
        assert image.startswith(f"otel-mesh.local/{name}:"), "a registry that does not exist: nothing is pulled instead"
        assert "@" not in image
        assert not image.endswith(":latest"), "whose default policy is to pull always"
    assert not programs.calls("docker", "push")
    assert updates == ["dev"]

    calls = len(programs.calls("docker", "build")), len(programs.calls("docker", "save"))
    said(Request("dev", context))
    assert calls == (len(programs.calls("docker", "build")), len(programs.calls("docker", "save"))), "nodes have them"
    assert image_file() == written


def test_a_context_without_registry_and_nodes_is_refused_with_both_ways(programs: Programs, updates: list[str]) -> None:
    programs.install("docker")
    with pytest.raises(CommandError, match="context there is not a cluster of kind, k3d or minikube") as caught:
        said(Request("dev", "there"))
    assert "--registry HOST/PATH" in caught.value.remedy
    assert "OTEL_MESH_IMAGES_FILE" in caught.value.remedy
    assert not updates
    assert not stacks_dir().exists()


def test_where_nothing_builds_all_are_named(programs: Programs, updates: list[str]) -> None:
    programs.install("docker")
    programs.fails("docker", "version", NO_DAEMON)
    with pytest.raises(CommandError, match=f"docker: .*{NO_DAEMON[-20:-1]}.*; podman: not on PATH"):
        said(Request("dev", "there", "r.example/shop"))
    with pytest.raises(CommandError, match="--builder embedded: needs the distribution otel-mesh-embedded"):
        said(Request("dev", "there", "r.example/shop", builder="embedded"))
    with pytest.raises(CommandError, match="--images local: needs the distribution otel-mesh-embedded"):
        said(Request("dev", "there", "r.example/shop", images="local"))
    assert not updates


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(
    ("verb", "message", "reason"),
    [
        ("push", "denied: requested access to the resource is denied", "refused"),
        ("push", "write: no space left on device", "the disk is full"),
        ("build", "pip: no matching distribution", "no matching distribution"),
        ("manifest", "dial tcp 192.0.2.1:443: i/o timeout", "is unreachable"),
    ],
)
def test_what_fails_before_the_update_leaves_no_image_file(
    verb: str, message: str, reason: str, programs: Programs, updates: list[str]
) -> None:
    programs.install("podman")
    programs.fails("podman", verb, message)
    with pytest.raises(CommandError, match=reason):
        said(Request("dev", "there", "r.example/shop"))
    assert not updates
    assert not (stacks_dir() / "dev" / "images.json").exists()


@pytest.mark.usefixtures("public")
def test_an_image_file_of_the_user_s_is_checked_where_a_program_can(
    programs: Programs, updates: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "images.json"
    file.write_text(json.dumps({name: f"r.example/{name}:1" for name in SERVICES}))
    monkeypatch.setenv("OTEL_MESH_IMAGES_FILE", str(file))
    assert "not asked whether they have" in said(Request("dev", "there"))
    programs.install("docker")
    with pytest.raises(CommandError, match=r"^image r\.example/api-gateway:1: .*docker login r\.example"):
        said(Request("dev", "there"))
    programs.set("registry", programs.get("registry") | {f"r.example/{name}:1": DIGEST for name in SERVICES})
    said(Request("dev", "kind-mine"))
    assert updates == ["dev", "dev"]
    assert not programs.calls("docker", "build")


def test_the_command_hands_its_options_on(capsys: pytest.CaptureFixture[str], updates: list[str]) -> None:
    words = ["up", "--stack", "dev", "--context", "there", "--registry", "r.example/shop", "--builder", "podman"]
    assert command.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == ("otel-mesh: --builder podman: podman is not on PATH; install it, or leave --builder out")
    assert not updates
