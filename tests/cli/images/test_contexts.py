"""Build contexts and the tags that follow from them."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.images import contexts

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
