"""Contexts, tags and pip's settings of image builds; the builds themselves need root and run in tests/e2e."""

from __future__ import annotations

import configparser
import os
import stat
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded import toolchain
from otel_mesh_embedded.images import IMAGES, contexts, making, pip_settings, roots
from otel_mesh_embedded.images.recipes import PAGE, ROOTS, Root
from otel_mesh_embedded.places import images_file
from otel_mesh_embedded.toolchain import Choice

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE} AS build
COPY requirements/services.txt \\
     requirements/
# COPY commented out
COPY --chmod=755 app app
RUN true
FROM ${BASE_IMAGE}
COPY --from=build /opt /opt
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    for name, text in {
        "Dockerfile": RECIPE,
        "requirements/services.txt": "httpx\n",
        "app/src/app/__init__.py": "",
        "app/run.sh": "#!/bin/sh\n",
        "app/src/app/__pycache__/x.cpython-311.pyc": "junk",
        "app/src/app.egg-info/PKG-INFO": "junk",
        "app/tests/test_x.py": "junk",
        "elsewhere/file": "not copied",
    }.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (project / "app" / "run.sh").chmod(0o755)
    return project


def content(project: Path) -> dict[str, Path]:
    return contexts.files(project / "Dockerfile", project, {})


def tag(project: Path, base: str = "base", known: dict[str, str] | None = None) -> str:
    return contexts.tag(project / "Dockerfile", content(project), known or {}, base)


def test_a_context_is_what_the_recipe_copies_without_leavings(project: Path) -> None:
    assert sorted(content(project)) == ["app/run.sh", "app/src/app/__init__.py", "requirements/services.txt"]


def test_the_tag_changes_with_all_that_goes_in_and_with_nothing_else(project: Path) -> None:
    first = tag(project)
    (project / "elsewhere" / "file").write_text("changed")
    (project / "app" / "src" / "app" / "__pycache__" / "y.pyc").touch()
    os.utime(project / "app" / "run.sh", (1, 1))
    assert tag(project) == first
    seen = {first, tag(project, base="other")}
    (project / "app" / "run.sh").chmod(0o644)
    seen.add(tag(project))
    (project / "app" / "run.sh").write_text("#!/bin/sh\ntrue\n")
    seen.add(tag(project))
    (project / "app" / "new.py").touch()
    seen.add(tag(project))
    (project / "Dockerfile").write_text(RECIPE + "USER 1\n")
    seen.add(tag(project))
    seen.add(tag(project, known={"app/run.sh": "v1.2.3-abc"}))
    assert len(seen) == 7


def test_a_staged_context_depends_on_the_content_only(project: Path, tmp_path: Path) -> None:
    (project / "app" / "src" / "app" / "__init__.py").chmod(0o600)
    contexts.stage(tmp_path / "stage", project / "Dockerfile", content(project))
    staged = {str(path.relative_to(tmp_path / "stage")): path for path in (tmp_path / "stage").rglob("*")}
    modes = {name: stat.S_IMODE(path.stat().st_mode) for name, path in staged.items()}
    assert modes["app/run.sh"] == modes["app"] == 0o755
    assert modes["app/src/app/__init__.py"] == modes["Dockerfile"] == 0o644
    assert {path.stat().st_mtime for path in staged.values()} == {0}


def test_what_is_missing_or_not_plain_is_named(project: Path) -> None:
    (project / "requirements" / "services.txt").unlink()
    with pytest.raises(CommandError, match=r"copies requirements/services\.txt, which is not in"):
        content(project)
    (project / "Dockerfile").write_text("FROM scratch\nCOPY app/*.sh /\n")
    with pytest.raises(CommandError, match="only plain paths can be copied"):
        content(project)
    (project / "Dockerfile").unlink()
    with pytest.raises(CommandError, match="Dockerfile: missing"):
        content(project)


def test_every_recipe_is_read_and_its_sources_are_there(tmp_path: Path) -> None:
    for image in IMAGES:
        given = {name: tmp_path / name for name in (*image.programs, *([PAGE] if image.page else []))}
        found = contexts.files(image.dockerfile, image.context, given, image.arguments)
        assert set(image.programs) <= set(found), image.name
        assert all(path.is_file() for name, path in found.items() if name not in given), image.name


def test_every_recipe_runs_as_a_number_that_is_not_root() -> None:
    agents = {"istio-install-cni"}  # works on the node's own files
    for image in IMAGES:
        users = [line.split()[1] for line in image.dockerfile.read_text().splitlines() if line.startswith("USER ")]
        assert users, image.name
        assert users[-1].split(":")[0].isdigit(), image.name
        assert (users[-1] == "0:0") == (image.name in agents), image.name


def test_recipes_pin_public_bases_as_the_default_of_the_argument() -> None:
    for image in IMAGES:
        froms = [line for line in image.dockerfile.read_text().splitlines() if line.startswith("FROM ")]
        assert all("scratch" in line or "${BASE_IMAGE}" in line for line in froms), image.name


def test_pip_reaches_its_index_as_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    bundle = tmp_path / "ca.crt"
    bundle.touch()
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:canary@index.example/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", f"{wheels} https://wheels.example/")
    monkeypatch.setenv("PIP_CERT", str(bundle))
    monkeypatch.setenv("PIP_QUIET", "3")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    mounted = pip_settings.volumes(scratch)
    conf = scratch / "pip.conf"
    assert mounted[0] == f"{conf}:/etc/pip.conf:ro"
    assert {f"{bundle}:{bundle}:ro", f"{wheels}:{wheels}:ro"} == set(mounted[1:])
    assert stat.S_IMODE(conf.stat().st_mode) == 0o600
    parsed = configparser.RawConfigParser()
    parsed.read(conf)
    assert parsed["global"]["index-url"] == "https://user:canary@index.example/simple"
    assert "quiet" not in parsed["global"]
    assert not any("canary" in volume for volume in mounted), "nothing secret in a process's arguments"


def test_images_without_root_are_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(
        toolchain,
        "choices",
        lambda names: [Choice(name, "official", "v1", tmp_path / "v1-key" / name) for name in names],
    )
    monkeypatch.setattr(making, "prometheus_page", lambda **_: tmp_path / "page.tar")
    with pytest.raises(CommandError, match="needs root"):
        making.ensure()
    assert not images_file().exists()
    assert not (tmp_path / "cache" / "images" / "archives").exists()


def test_a_base_is_known_by_recipe_and_package_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path))
    root = ROOTS[0]
    assert roots.known(root) is None
    folder = roots._folder(root)  # noqa: SLF001 - where a finished base lies is this module's secret
    folder.mkdir(parents=True)
    (folder / "packages.txt").write_text("python3 3.11.2\n")
    first = roots.known(root)
    (folder / "packages.txt").write_text("python3 3.11.3\n")
    second = roots.known(root)
    assert first
    assert second
    assert first.identity != second.identity
    assert roots.known(Root(root.name, (*root.packages, "curl"))) is None
