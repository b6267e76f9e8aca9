"""`otel-mesh node images load`: an image made elsewhere runs on the node, which reaches no registry."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_embedded import images, packages
from otel_mesh_embedded.node.node import assemble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

NAME = "registry.example.com/elsewhere/sleeper:1"
COMMAND = repo_dir() / ".venv" / "bin" / "otel-mesh"


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """The image that pod sandboxes run, as an OCI layout that skopeo wrote, with a tag in place of a name."""
    prefix = packages.ensure(("skopeo",))
    archive = images.archive(images.make(["pause"])["pause"])
    words = ["--insecure-policy", "copy", "--quiet", f"docker-archive:{archive}", f"oci:{tmp_path / 'image'}:1"]
    environment = {**os.environ, **packages.environment(prefix)}
    subprocess.run([prefix / "usr" / "bin" / "skopeo", *words], env=environment, check=True, capture_output=True)
    return tmp_path / "image"


@pytest.fixture
def removed(kubectl: Callable[..., str]) -> Iterator[None]:
    yield
    kubectl("-n", "default", "delete", "pod", "sleeper", "--ignore-not-found", "--grace-period=0", "--force")
    subprocess.run([*assemble(built=False).ctr, "images", "remove", "--sync", NAME], check=True, capture_output=True)


@pytest.mark.usefixtures("removed")
def test_b1_an_image_from_a_file_runs_on_the_node(layout: Path, kubectl: Callable[..., str]) -> None:
    asked = [str(COMMAND), "node", "images", "load", str(layout), "--name", NAME, "--output", "json"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=300, check=True)
    (loaded,) = json.loads(done.stdout)
    index = json.loads((layout / "index.json").read_text())
    assert (loaded["name"], loaded["digest"]) == (NAME, index["manifests"][0]["digest"])
    again = subprocess.run(asked, capture_output=True, text=True, timeout=300, check=True)
    assert json.loads(again.stdout) == [loaded]
    kubectl("-n", "default", "run", "sleeper", f"--image={NAME}", "--image-pull-policy=Never", "--restart=Never")
    kubectl("-n", "default", "wait", "pod", "sleeper", "--for=condition=Ready", "--timeout=180s")
