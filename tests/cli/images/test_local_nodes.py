"""Loading images into the nodes of kind, k3d and minikube, which are stand-ins here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.images import local_nodes
from otel_mesh_cli.images.local_nodes import LocalNodes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.images.stand_ins import Programs

IMAGE = "otel-mesh.local/api:1"
CONTEXTS = {"kind": "kind-mine", "k3d": "k3d-mine", "minikube": "mine"}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    file = tmp_path / "image.tar"
    file.write_text(f"{IMAGE} sha256:00")
    return file


@pytest.mark.parametrize("program", CONTEXTS)
def test_a_context_leads_to_its_cluster_which_takes_an_archive(program: str, programs: Programs, archive: Path) -> None:
    programs.install(*CONTEXTS)
    programs.set(program, {"clusters": ["other", "mine"]})
    nodes = local_nodes.of_context(CONTEXTS[program])
    assert nodes == LocalNodes(program, "mine")
    assert str(nodes) == f"{program} cluster mine"
    nodes.load(archive, IMAGE)
    assert programs.get("nodes") == {IMAGE: "mine"}


@pytest.mark.parametrize("context", ["otel-mesh-dev", "my-kind-of-cluster", "minikube", ""])
def test_any_other_context_leads_to_none(context: str, programs: Programs) -> None:
    assert local_nodes.of_context(context) is None
    programs.install(*CONTEXTS)
    assert local_nodes.of_context(context) is None
    programs.fails("minikube", "profile", "no profiles", 14)
    assert local_nodes.of_context(context) is None


@pytest.mark.parametrize("program", ["kind", "k3d"])
def test_what_keeps_images_from_the_nodes_is_named_with_both_ways(program: str, programs: Programs) -> None:
    def refused(reason: str, remedy: str) -> None:
        with pytest.raises(CommandError) as caught:
            local_nodes.of_context(CONTEXTS[program])
        assert caught.value.message.startswith(f"context {CONTEXTS[program]}: images cannot be loaded into its nodes: ")
        assert reason in caught.value.message
        assert caught.value.remedy.startswith(remedy)
        assert caught.value.remedy.endswith("with --registry HOST/PATH")

    refused(f"{program} is not on PATH", f"install {program}")
    programs.install(program)
    refused(f"{program} knows no cluster mine (it has: none)", "create it")
    programs.set(program, {"clusters": ["yours"]})
    refused("(it has: yours)", "create it")
    programs.fails(program, "get" if program == "kind" else "cluster", "Cannot connect to the Docker daemon")
    refused(f"{program}: Cannot connect to the Docker daemon", f"make `{program} ")


@pytest.mark.parametrize(
    ("message", "remedy"), [("no nodes found", "check that the"), ("no space left on device", "free space")]
)
@pytest.mark.parametrize(("program", "verb"), [("kind", "load"), ("k3d", "image"), ("minikube", "image")])
def test_a_load_that_fails_names_program_reason_and_remedy(  # noqa: PLR0913, PLR0917 -- fixtures and cases
    program: str, verb: str, message: str, remedy: str, programs: Programs, archive: Path
) -> None:
    programs.install(program)
    programs.fails(program, verb, message)
    with pytest.raises(CommandError) as caught:
        LocalNodes(program, "mine").load(archive, IMAGE)
    assert caught.value.message.startswith(f"image {IMAGE}: {program} ")
    assert caught.value.message.endswith(message)
    assert caught.value.remedy.startswith(remedy)


def test_k3d_s_logged_error_counts_whatever_its_exit_status(programs: Programs, archive: Path) -> None:
    programs.install("k3d")
    programs.fails(
        "k3d", "image", "INFO[0000] Importing\nERRO[0001] failed to import: no such node\nINFO[0001] done", 0
    )
    with pytest.raises(CommandError, match="k3d image import: failed to import: no such node; "):
        LocalNodes("k3d", "mine").load(archive, IMAGE)
