"""A broken stack file: one line with place, reason and remedy, by every command, before anything is done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.stacks import stack_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINKED = ("Pulumi.yaml", "app_images", "components", "dashboards", "infra", "requirements")

MISTAKES: dict[str, tuple[str | bytes | None, str]] = {
    "missing": (None, "stack 'local': the checkout has no Pulumi.local.yaml; restore it from the repository"),
    "not YAML": ("config:\n  a: [1\nb: }\n", "{file}:3: not YAML; fix the file"),
    "not text": (b"\xff\xfe\x00", "{file}: not YAML; fix the file"),
    "a date that is none": ("config: 2026-13-45\n", "{file}: not YAML; fix the file"),
    "empty": ("", "{file}: should be a mapping of keys to values; fix the file"),
    "a list": ("- config\n", "{file}: should be a mapping of keys to values; fix the file"),
    "no config": ("a: 1\n", "{file}: config: required but missing; add it"),
    "config is text": ("config: text\n", "{file}: config: should be a mapping of keys to values; fix the file"),
    "no settings": ("config: {a: 1}\n", "{file}: config.otel-mesh:settings: required but missing; add it"),
    "settings are a list": (
        "config: {'otel-mesh:settings': [1]}\n",
        "{file}: config.otel-mesh:settings: should be a mapping of keys to values; fix the file",
    ),
}
WRONG_TYPES: dict[str, tuple[object, str]] = {
    "mesh": ([1], "mesh: should be a mapping of keys to values"),
    "mesh.kind": (7, "mesh.kind: should be text"),
    "mesh.kind ": ("isto", "mesh.kind: should be 'none', 'istio' or 'linkerd'"),
    "mesh.gateway": (["x"], "mesh.gateway: should be a mapping of keys to values"),
    "mesh.gateway.tls_secret": (1, "mesh.gateway.tls_secret: should be text"),
}
INVALID: dict[str, object] = {
    "mesh.istio": "1.31",
    "mesh.istio.namespace": 7,
    "mesh.istio.cni": True,
    "mesh.gateway.name": {},
    "mesh.gateway_namespace": 1.5,
    "namespaces.observability": [],
}
"""What only commands notice that ask where things are."""
COMMANDS = (
    ("up",),
    ("node", "rotate"),
    ("status",),
    ("env",),
    ("smoke",),
    ("node", "images", "build"),
    ("trace", "f" * 32),
    ("slow",),
    ("errors",),
    ("map",),
    ("preview",),
    ("render", "--out", "made"),
    ("compose", "--out", "made"),
    ("pulumi", "--", "version"),
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of its own, whose stack files tests may break."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in LINKED:
        (folder / name).symlink_to(repo_dir() / name)
    return folder


@pytest.fixture
def run(checkout: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command in that checkout with what a test makes of its file; nobody gives it a program."""
    shutil.copy(repo_dir() / "Pulumi.local.yaml", checkout)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "kubeconfig").write_text("")
    places = {"OTEL_MESH_STATE": "state", "OTEL_MESH_CACHE": "cache", "HOME": "home"}
    environment = {
        **{name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}},
        **{name: str(tmp_path / place) for name, place in places.items()},
        "OTEL_MESH_PROGRAMS": "path",  # nothing is compiled, whatever goes wrong here
    }

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "otel_mesh_cli", *words],
            cwd=checkout,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return command


def write(file: Path, content: str | bytes | None) -> None:
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_refuses_it_in_one_line(
    words: tuple[str, ...], run: Callable[..., subprocess.CompletedProcess[str]], checkout: Path, tmp_path: Path
) -> None:
    file = checkout / "Pulumi.local.yaml"
    write(file, "- a list\n")
    done = run(*words)
    told = f"otel-mesh: {file}: should be a mapping of keys to values; fix the file\n"
    assert (done.returncode, done.stderr, done.stdout) == (2, told, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state"], "nothing was done"
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["kubeconfig"]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_one_line(
    mistake: str, run: Callable[..., subprocess.CompletedProcess[str]], checkout: Path
) -> None:
    content, told = MISTAKES[mistake]
    file = checkout / "Pulumi.local.yaml"
    write(file, content)
    done = run("env")
    assert (done.returncode, done.stderr, done.stdout) == (2, f"otel-mesh: {told.format(file=file)}\n", "")


@pytest.mark.parametrize("path", WRONG_TYPES)
def test_settings_of_another_type_are_one_line(
    path: str, run: Callable[..., subprocess.CompletedProcess[str]], checkout: Path
) -> None:
    value, told = WRONG_TYPES[path]
    file = checkout / "Pulumi.local.yaml"
    change(file, path.strip(), value)
    done = run("env")
    assert (done.returncode, done.stderr, done.stdout) == (2, f"otel-mesh: {file}: {told}; fix the file\n", "")


def change(file: Path, path: str, value: object) -> None:
    """Put a value into the settings of a stack file."""
    content = yaml.safe_load(file.read_text())
    *parents, last = path.split(".")
    place = content["config"]["otel-mesh:settings"]
    for key in parents:
        place = place.setdefault(key, {})
    place[last] = value
    file.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize("path", INVALID)
def test_settings_that_are_invalid_are_one_line(
    path: str, run: Callable[..., subprocess.CompletedProcess[str]], checkout: Path
) -> None:
    change(checkout / "Pulumi.local.yaml", path, INVALID[path])
    done = run("smoke")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"otel-mesh: Pulumi.local.yaml: {path}: ")
    assert len(done.stderr.splitlines()) == 1


def test_another_stack_s_broken_file_is_told_where_that_stack_is_meant(
    run: Callable[..., subprocess.CompletedProcess[str]], checkout: Path
) -> None:
    other = checkout / "Pulumi.dev.yaml"
    other.write_text("config: {}\n")
    try:
        for words in (("preview",), ("up", "--context", "there"), ("render", "--out", "made")):
            done = run(*words, "--stack", "dev")
            told = f"otel-mesh: {other}: config.otel-mesh:settings: required but missing; add it\n"
            assert (done.returncode, done.stderr, done.stdout) == (2, told, ""), words
        assert "Pulumi.dev.yaml" not in run("env").stderr
    finally:
        other.unlink()


def test_the_files_of_the_checkout_are_read() -> None:
    for stack in ("local", "dev", "prod"):
        assert stack_file.settings(stack)["cluster"]["name"] == f"otel-mesh-{stack}"
    with pytest.raises(
        CommandError, match=r"^stack 'prd': the checkout has no Pulumi\.prd\.yaml; use one of dev, local"
    ):
        stack_file.require("prd")
