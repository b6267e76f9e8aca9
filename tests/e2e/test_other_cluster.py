"""B10: `otel-mesh up --stack dev --context NAME` from a clone that does not own the cluster, with a separate registry.

The embedded cluster acts as the other cluster: the clone knows only a context of a kubeconfig.
"""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh_cli.clusters.request import NOT_MADE
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.images.skopeo import Skopeo
from otel_mesh_embedded.images import roots
from otel_mesh_embedded.images.making import skopeo
from otel_mesh_embedded.images.recipes import ROOTS
from otel_mesh_embedded.node.layout import NODE_ADDRESS
from otel_mesh_embedded.node.node import assemble
from otel_mesh_stack.images import IMAGE_KEYS
from otel_mesh_stack.services import CATALOG
from tests.embedded.images.docker_registry import docker_archive, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

pytestmark = [pytest.mark.e2e, pytest.mark.full]

CONTEXT = "elsewhere"
NAMESPACES = {"observability": "elsewhere-observability", "services": "elsewhere-shop"}
CATALOGUED = tuple(service.name for service in CATALOG.services)
PARTS = {name: image for name, image in IMAGE_KEYS.items() if "." not in name and name not in NOT_MADE}
PROGRAMS = (*CATALOGUED, "otel-collector", "jaeger", "victoria-logs", "prometheus", "postgres", "redis")
SECRETS = (
    "postgres-credentials",
    "postgres-credentials-migrations",
    "postgres-credentials-services",
    "redis-credentials",
)
"""Passwords created by the user beforehand."""


@dataclass
class Clone:
    """A clone with a separate state folder and kubeconfig."""

    folder: Path
    environment: dict[str, str]

    def local(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run(".venv/bin/python", "-m", "otel_mesh_cli", *words, **more)

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, **more}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=900, check=False
        )

    def configure(self, **changes: object) -> None:
        """Change the clone's stack file, as a user would."""
        file = self.folder / "Pulumi.dev.yaml"
        content = yaml.safe_load(file.read_text())
        settings = content["config"]["otel-mesh:settings"]
        for name, value in changes.items():
            settings[name] = {**settings.get(name, {}), **value} if isinstance(value, dict) else value
        file.write_text(yaml.safe_dump(content, sort_keys=False))

    def reset(self) -> None:
        """Settings that separate the stack from that of the cluster's owner, and storage classes of the cluster."""
        subprocess.run(["git", "checkout", "--quiet", "Pulumi.dev.yaml"], cwd=self.folder, check=True)
        ephemeral = {"storage": {"kind": "ephemeral"}}
        without = {"kind": "none"}  # a cluster has one mesh, installed by its owner
        parts = ("postgres", "prometheus", "victoria_logs")
        self.configure(namespaces=NAMESPACES, mesh=without, **dict.fromkeys(parts, ephemeral), **NOT_MADE)

    @property
    def state(self) -> Path:
        return Path(f"{self.environment['OTEL_MESH_STATE']}-stacks")


@pytest.fixture(scope="module")
def clone(settings: Mapping[str, str]) -> Iterator[Clone]:
    with tempfile.TemporaryDirectory(prefix="otel-mesh-clone-") as scratch:
        folder = Path(scratch)
        subprocess.run(["git", "clone", "--quiet", repo_dir(), folder / "clone"], check=True)
        kubeconfig = yaml.safe_load(Path(settings["KUBECONFIG"]).read_text())
        kubeconfig["contexts"][0]["name"] = CONTEXT
        nowhere = {"name": "nowhere", "cluster": {"server": "https://127.0.0.1:1"}}
        kubeconfig["clusters"].append(nowhere)
        user = kubeconfig["users"][0]["name"]
        kubeconfig["contexts"].append({"name": "nowhere", "context": {"cluster": "nowhere", "user": user}})
        kubeconfig["current-context"] = "nowhere"  # which nothing may depend on
        (folder / "kubeconfig").touch(mode=0o600)
        (folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
        others = {
            n: v for n, v in os.environ.items() if not n.startswith(("PULUMI_", "OTEL_MESH_")) and n not in settings
        }
        if cache := os.environ.get("OTEL_MESH_CACHE"):
            others["OTEL_MESH_CACHE"] = cache
        environment = {
            **others,
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(folder / "kubeconfig"),
            "OTEL_MESH_STATE": str(folder / "state"),
            "PULUMI_CREDENTIALS_PATH": str(folder),  # no registry login of the user who runs the tests
            "REGISTRY_AUTH_FILE": str(folder / "auth.json"),
        }
        (folder / "auth.json").write_text("{}")
        made = Clone(folder / "clone", environment)
        made.reset()
        assert (done := made.run("make", ".venv/ready")).returncode == 0, done.stderr
        yield made


@pytest.fixture(scope="module")
def registry(kubectl: Callable[..., str]) -> Iterator[str]:
    """A registry on the node's loopback; images pulled from it are removed at the end."""
    with tempfile.TemporaryDirectory(prefix="otel-mesh-registry-") as scratch, running(Path(scratch)) as place:
        yield place
        kubectl("delete", "namespace", "--ignore-not-found", *NAMESPACES.values(), timeout=300)
        ctr = assemble(built=False).ctr
        listed = subprocess.run([*ctr, "images", "list", "-q"], capture_output=True, text=True, check=True).stdout
        for reference in listed.split():
            if reference.startswith(f"{place}/"):
                subprocess.run([*ctr, "images", "remove", "--sync", reference], check=True, capture_output=True)


@pytest.fixture
def up(clone: Clone, registry: str) -> tuple[str, ...]:  # noqa: ARG001 -- the environment must be running
    return ("up", "--stack", "dev", "--context", CONTEXT, "--registry", f"{registry}/shop", "--images", "local")


def refused(done: subprocess.CompletedProcess[str], *told: str) -> str:
    """The single line of a refusal."""
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("images: ")]
    assert line.startswith("otel-mesh: ")
    for text in told:
        assert text in line
    return line


def names(kubectl: Callable[..., str]) -> set[str]:
    kinds = "namespaces,clusterroles,clusterrolebindings"
    return set(kubectl("get", kinds, "-o", "name").split())


def own(kubectl: Callable[..., str]) -> list[dict[str, Any]]:
    return [
        pod
        for namespace in NAMESPACES.values()
        for pod in json.loads(kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]
    ]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_missing_prerequisites_are_refused_before_anything_is_registered(
    clone: Clone, up: tuple[str, ...], kubectl: Callable[..., str], tmp_path: Path
) -> None:
    before = names(kubectl)
    nobody = f"127.0.0.1:{free_port()}"
    refused(
        clone.local(*up[:5]), f"context {CONTEXT} is not a cluster of kind, k3d or minikube", "--registry HOST/PATH"
    )
    refused(
        clone.local(*up[:3], "--context", "elswhere", *up[5:]), "no context 'elswhere'", "did you mean 'elsewhere'?"
    )
    refused(clone.local(*up[:5], "--registry", f"{nobody}/shop"), f"registry {nobody}: is unreachable")
    with running(tmp_path / "registry", address=str(NODE_ADDRESS)) as plain:
        refused(clone.local(*up[:5], "--registry", f"{plain}/shop"), f"registry {plain}: speaks plain HTTP")
    kubeconfig = yaml.safe_load(Path(clone.environment["KUBECONFIG"]).read_text())
    kubeconfig["clusters"][0]["cluster"]["server"] = f"https://{nobody}"
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    refused(clone.local(*up, KUBECONFIG=str(tmp_path / "kubeconfig")), f"context {CONTEXT}: ", "refused")
    kubeconfig["current-context"] = "gone"
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    reasons = ("kubeconfig: its current context 'gone' is not in it", f"use-context {CONTEXT}")
    refused(clone.local(*up, KUBECONFIG=str(tmp_path / "kubeconfig")), *reasons)
    refused(clone.local(*up), f"secret {NAMESPACES['services']}/postgres-credentials", "kubectl", "/dev/stdin")
    assert names(kubectl) == before
    assert not list(clone.state.glob("**/stacks/**/*.json"))


def test_the_command_in_the_error_creates_the_secret(
    clone: Clone, up: tuple[str, ...], settings: Mapping[str, str], tmp_path: Path
) -> None:
    for secret in SECRETS:
        line = refused(clone.local(*up), f"/{secret} ", "not found; create it: ")
        command = line.partition("create it: ")[2]
        made = clone.run("bash", "-euo", "pipefail", "-c", command, PATH=settings["PATH"])
        assert made.returncode == 0, made.stderr
    with running(tmp_path / "registry", storage={"maintenance": {"readonly": {"enabled": True}}}) as full:
        refused(
            clone.local(*up[:5], "--registry", f"{full}/shop", "--images", "local"),
            f"image {full}/shop/",
            "takes no images",
        )
    (tmp_path / "images.json").write_text(json.dumps({name: f"{up[6]}/{name}:gone" for name in CATALOGUED}))
    clone.configure(**{part: {"image": f"{up[6]}/{part}:gone"} for part in PARTS})
    try:
        told = refused(clone.local(*up[:5], OTEL_MESH_IMAGES_FILE=str(tmp_path / "images.json")))
    finally:
        clone.reset()
    assert ":gone: " in told


def test_a_stack_deployed_from_the_registry_answers_requests(
    clone: Clone,
    up: tuple[str, ...],
    registry: str,
    kubectl: Callable[..., str],
    pods: Callable[[], list[dict[str, Any]]],
) -> None:
    owners = {pod["metadata"]["uid"] for pod in pods()}
    done = clone.run("make", "up", "STACK=dev", f"CONTEXT={CONTEXT}", f"REGISTRY={registry}/shop", "IMAGES=local")
    assert done.returncode == 0, done.stdout + done.stderr
    created = re.search(r"stack dev: (\d+) create$", done.stdout, re.MULTILINE)
    assert created is not None, done.stdout
    assert str(clone.state) in done.stdout, "where the state is, is said"
    running_ = own(kubectl)
    images = [container["image"] for pod in running_ for container in pod["spec"]["containers"]]
    assert {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in running_} >= set(PROGRAMS)
    pinned = re.compile(rf"{re.escape(registry)}/shop/[a-z-]+:[0-9a-f]{{16}}@sha256:[0-9a-f]{{64}}")
    assert all(pinned.fullmatch(image) for image in images), images
    path = f"/api/v1/namespaces/{NAMESPACES['services']}/services/api-gateway:8080/proxy/api/users/123"
    assert json.loads(kubectl("get", "--raw", path))["id"] == 123
    for words in (("errors",), ("map",)):
        answered = clone.local(*words, "--stack", "dev", "--context", CONTEXT)
        assert answered.returncode == 0, answered.stderr
        assert "in the last 15m" in answered.stdout or "calls of the last 15m" in answered.stdout

    again = clone.local(*up)
    assert f"stack dev: {created[1]} same" in again.stdout, again.stdout + again.stderr
    assert "pushing" not in again.stdout
    uids = {pod["metadata"]["uid"] for pod in own(kubectl)}
    assert uids == {pod["metadata"]["uid"] for pod in running_}
    assert {pod["metadata"]["uid"] for pod in pods()} == owners, "the stack of the cluster's owner is not touched"


def test_a_pod_of_the_owner_starts_again_though_its_image_was_pulled_under_another_name(
    kubectl: Callable[..., str],
) -> None:
    pod = ("pod", "-n", "observability", "-l", "app.kubernetes.io/name=otel-collector")
    kubectl("delete", *pod, timeout=180)
    kubectl("wait", *pod, "--for=condition=Ready", "--timeout=180s", timeout=200)


def test_no_password_is_anywhere_in_the_clone_or_its_state(clone: Clone, kubectl: Callable[..., str]) -> None:
    value = ("-n", NAMESPACES["services"], "-o", "jsonpath={.data.password}")
    secrets = [kubectl("get", "secret", secret, *value) for secret in SECRETS]
    places: list[Path] = [clone.state, clone.folder / ".git", *clone.folder.glob("Pulumi*")]
    for password in (*secrets, *(base64.b64decode(secret).decode() for secret in secrets)):
        command: list[str | Path] = ["grep", "-rlF", "--", password, *places]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (found.returncode, found.stdout) == (1, "")


def test_pulumi_destroys_the_stack_and_down_does_not(clone: Clone, kubectl: Callable[..., str]) -> None:
    remedy = f"pulumi --stack dev --context {CONTEXT} -- destroy"
    refused(clone.local("down", "--stack", "dev", "--context", CONTEXT), f"by `otel-mesh {remedy}`")
    assert own(kubectl)
    done = clone.local(*remedy.split(), "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    left = names(kubectl)
    assert not [name for name in left if any(namespace in name for namespace in NAMESPACES.values())]


def test_a_custom_backend_with_custom_images_and_a_registry_base(
    clone: Clone, registry: str, kubectl: Callable[..., str], settings: Mapping[str, str], tmp_path: Path
) -> None:
    """The default where public registries are reachable; here a local registry stands for them."""
    root = next(root for root in ROOTS if root.name == "python")
    base = roots.known(root)
    assert base is not None
    Skopeo(*skopeo()).push(docker_archive(tmp_path / "base.tar", base.archive), f"{registry}/library/python:3.11")
    pushed = json.loads((clone.state / "dev" / "images.json").read_text())
    clone.configure(**{part: {"image": pushed[name]} for part, name in PARTS.items() if name in pushed})
    (tmp_path / "passphrase").write_text("of the user's own")
    backend = tmp_path / "backend"
    backend.mkdir()
    mine = {"PULUMI_BACKEND_URL": f"file://{backend}", "PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "passphrase")}
    up = ["up", "--stack", "dev", "--context", CONTEXT, "--registry", f"{registry}/shop"]
    up += ["--base-image", f"{registry}/library/python:3.11", "--builder", "embedded"]
    for _ in SECRETS:
        command = refused(clone.local(*up, **mine), "not found; create it: ").partition("create it: ")[2]
        assert clone.run("bash", "-c", command, PATH=settings["PATH"]).returncode == 0
    done = clone.local(*up, **mine)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "in your own backend file://" in done.stdout
    assert f"services are built on {registry}/library/python@sha256:" in done.stdout
    own_tags = json.loads((clone.state / "dev" / "images.json").read_text())
    assert sorted(own_tags) == sorted(CATALOGUED)
    assert all(own_tags[name] != pushed[name] for name in CATALOGUED), "another base is another image"
    path = f"/api/v1/namespaces/{NAMESPACES['services']}/services/api-gateway:8080/proxy/api/users/123"
    assert json.loads(kubectl("get", "--raw", path))["id"] == 123
    assert list(backend.glob(".pulumi/stacks/otel-mesh/dev.json"))
    words = ("pulumi", "--stack", "dev", "--context", CONTEXT, "--", "destroy", "--yes")
    done = clone.local(*words, **mine)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not own(kubectl)
