"""The API reference: every public name is in it, and has a docstring; the site builds without a warning."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from enum import Enum
from typing import TYPE_CHECKING, Any, get_origin

import pytest

from docs.reference import field_types, public_names
from otel_mesh import JaegerSettings, MicroserviceArgs, MicroserviceSettings
from otel_mesh_cli.core.paths import repo_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = ("otel_mesh", "otel_mesh_telemetry")
OF_PYDANTIC = {"model_config", "model_post_init"}


def _undocumented(package: str) -> Iterator[str]:
    """Public classes and functions without a docstring, and members of theirs that nothing explains."""
    module = importlib.import_module(package)
    for name in module.__all__:
        one = getattr(module, name)
        is_class = isinstance(one, type) and get_origin(one) is None
        if not is_class and not inspect.isfunction(one):
            continue
        if not inspect.getdoc(one):
            yield name
        if is_class and not issubclass(one, Enum):  # its values say what they are
            yield from (f"{name}.{member}" for member in _members(one))


def _members(cls: type[Any]) -> Iterator[str]:
    """Own methods and properties without a docstring; fields are explained by the class's docstring."""
    explained = "\n".join(base.__doc__ or "" for base in cls.__mro__)
    for name, member in {**dict.fromkeys(inspect.get_annotations(cls)), **vars(cls)}.items():
        inherited = any(name in {*vars(base), *inspect.get_annotations(base)} for base in cls.__mro__[1:])
        if name.startswith("_") or name in OF_PYDANTIC or inherited:
            continue
        documented = member is not None and callable(member) and inspect.getdoc(getattr(cls, name))
        if isinstance(member, property | classmethod | staticmethod):
            documented = inspect.getdoc(member)
        if not documented and not re.search(rf"\b{name}\b[\w, ]*:", explained) and not _has_comment(cls, name):
            yield name


def _has_comment(cls: type[Any], name: str) -> bool:
    """Whether a string follows the assignment, as for the values of an enumeration."""
    return bool(re.search(rf'^    {name}\b.*\n    """', inspect.getsource(cls), re.MULTILINE))


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_public_is_explained(package: str) -> None:
    assert list(_undocumented(package)) == []


@pytest.mark.parametrize(("package", "page"), [("otel_mesh", "api.md"), ("otel_mesh_telemetry", "telemetry-api.md")])
def test_every_public_name_is_in_the_reference_once(package: str, page: str) -> None:
    text = (repo_dir() / "docs" / page).read_text()
    directives = re.findall(rf"^\.\. public-names:: {package}\b(.*)$", text, re.MULTILINE)
    shown = [name for rooms in directives for name, _ in public_names(package, rooms.split())]
    assert sorted(shown) == sorted(importlib.import_module(package).__all__)


def test_fields_show_the_type_of_the_source_and_the_default() -> None:
    assert field_types(MicroserviceSettings)["replicas"] == "Replicas, default 2"
    assert field_types(MicroserviceArgs)["image"] == "pulumi.Input[str]"
    assert field_types(JaegerSettings)["name"] == "DnsLabel, default 'jaeger'"


def _build(source: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    return subprocess.run(
        [*command, str(source), str(out)], capture_output=True, text=True, cwd=repo_dir(), check=False
    )


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    done = _build(repo_dir() / "docs", tmp_path / "site")
    assert (done.returncode, done.stderr) == (0, "")
    reference = (tmp_path / "site" / "api.html").read_text()
    assert 'id="otel_mesh.Jaeger"' in reference
    assert (tmp_path / "site" / "telemetry.html").exists()
    start = (tmp_path / "site" / "index.html").read_text()
    assert 'class="mermaid"' in start
    assert 'href="embedded.html"' in start


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    (source / "conf.py").write_text('extensions = ["myst_parser"]\nmyst_heading_anchors = 3\n')
    (source / "index.md").write_text("# Start\n\n[there](gone.md)\n")
    done = _build(source, tmp_path / "site")
    assert done.returncode != 0
    assert "gone.md" in done.stderr
