"""An image without any of our conventions, in the mesh by examples/plain_image, and gone with its stack.

The tests of this file share the stack and run in file order.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_mesh_cli.core import waiting
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.stacks.addresses import PROMETHEUS
from otel_mesh_embedded import images
from otel_mesh_embedded.environment import workspace
from otel_mesh_embedded.node.node import assemble
from tests.e2e.second_stack import PLATFORM, second_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from subprocess import CompletedProcess

    import httpx

pytestmark = [pytest.mark.e2e, pytest.mark.in_order]

COMMAND: Final = repo_dir() / ".venv" / "bin" / "otel-mesh"
NAMESPACE: Final = "pages"
IMAGE: Final = "registry.example.com/elsewhere/pages:1"
PROGRAM: Final = [
    "/usr/bin/python3",
    "-m",
    "http.server",
    "8080",
    "--protocol",
    "HTTP/1.1",
    "--directory",
    "/usr/share",
]
"""A server of files, as good as any: it reads no variable, and knows neither probes nor telemetry."""
ASK: Final = """
import urllib.request
with urllib.request.urlopen("http://pages.pages.svc.cluster.local:8080/", timeout=10) as answer:
    print(answer.status, answer.headers["server"], answer.headers["x-envoy-upstream-service-time"] is not None)
"""
REQUESTS: Final = f'mesh_service:requests:rate5m{{service_name="pages",k8s_namespace_name="{NAMESPACE}"}} > 0'


def plain_image(file: Path) -> None:
    """Write an image in the format of ``docker save``: the files of one of the node's images, and another program."""
    reference = json.loads(workspace.images_file().read_text())["user-service"]
    with tarfile.open(images.archive(reference)) as given, tarfile.open(file, "w") as made:
        (manifest,) = _json(given, "manifest.json")
        config = _json(given, manifest["Config"])
        config["config"] = {"User": "101", "Entrypoint": PROGRAM, "Env": ["PATH=/usr/bin:/bin"]}
        text = json.dumps(config).encode()
        name = f"{hashlib.sha256(text).hexdigest()}.json"
        _add(made, name, text)
        for layer in manifest["Layers"]:
            made.addfile(given.getmember(layer), given.extractfile(layer))
        _add(made, "manifest.json", json.dumps([{**manifest, "Config": name, "RepoTags": [IMAGE]}]).encode())


def _json(archive: tarfile.TarFile, name: str) -> Any:  # noqa: ANN401 - whatever the file holds
    found = archive.extractfile(name)
    assert found is not None
    return json.load(found)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    settings: Mapping[str, str],
    run: Callable[..., CompletedProcess[str]],
) -> Iterator[Callable[..., str]]:
    """The example as a stack of its own, with the image loaded into the node."""
    folder = tmp_path_factory.mktemp("plain")
    plain_image(folder / "pages.tar")
    subprocess.run([COMMAND, "node", "images", "load", folder / "pages.tar"], capture_output=True, check=True)
    config = {"platform": PLATFORM, "image": IMAGE}
    try:
        with second_stack("plain_image", folder, config, settings, run) as pulumi:
            yield pulumi
    finally:
        ctr = assemble(built=False).ctr
        subprocess.run([*ctr, "images", "remove", "--sync", IMAGE], check=True, capture_output=True)


def ask(kubectl: Callable[..., str]) -> str:
    """The answer to a meshed pod of the same namespace."""
    words = ("exec", "-n", NAMESPACE, "deploy/pages", "-c", "pages", "--", "python3", "-c", ASK)
    return kubectl(*words).strip()


@pytest.mark.usefixtures("stack")
def test_it_is_ready_and_answers_through_its_sidecar(kubectl: Callable[..., str]) -> None:
    pods = json.loads(kubectl("get", "pods", "-n", NAMESPACE, "-o", "json"))["items"]
    assert pods
    for pod in pods:
        assert "istio-proxy" in {one["name"] for one in pod["spec"]["initContainers"]}
        (container,) = pod["spec"]["containers"]
        assert container["image"] == IMAGE
        assert not [one for one in container["env"] if one["name"].startswith("OTEL_EXPORTER")]
        assert {one["type"]: one["status"] for one in pod["status"]["conditions"]}["Ready"] == "True"
    assert ask(kubectl) == "200 envoy True"


@pytest.mark.usefixtures("stack")
def test_its_requests_are_counted_by_its_sidecar(kubectl: Callable[..., str], http: httpx.Client) -> None:
    def counted() -> list[object] | None:
        ask(kubectl)
        url = f"{PROMETHEUS.url}/api/v1/query"
        found: list[object] = http.get(url, params={"query": REQUESTS}).json()["data"]["result"]
        return found or None

    waiting.wait(counted, 180, lambda: f"Prometheus has no {REQUESTS}", "see the targets mesh-proxies")


def test_destroy_leaves_nothing(stack: Callable[..., str], kubectl: Callable[..., str]) -> None:
    stack("destroy", "--yes", "--skip-preview")
    assert not kubectl("get", "namespace", NAMESPACE, "--ignore-not-found")
