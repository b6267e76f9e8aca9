"""The library's face: its public names, and what importing it costs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import otel_mesh
import otel_mesh.manifests
from local.paths import repo_dir
from tests.components import public_api

GOLDEN = repo_dir() / "tests" / "components" / "golden"


@pytest.mark.parametrize("package", ["otel_mesh", "otel_mesh_telemetry"])
def test_the_public_api_changes_knowingly_only(package: str) -> None:
    """A line that goes or changes breaks somebody: see the rules in CHANGELOG.md before renewing the file."""
    place = GOLDEN / f"api-{package}.txt"
    present = public_api.listing(package)
    if os.environ.get("UPDATE_GOLDEN"):
        place.write_text(present)
    assert present == place.read_text(), "UPDATE_GOLDEN=1 renews it"


def test_public_names_are_those_of_modules_of_the_library() -> None:
    assert sorted(otel_mesh.__all__) == dir(otel_mesh)
    assert all(getattr(otel_mesh, name).__module__.startswith("otel_mesh.") for name in otel_mesh.__all__)


def test_everything_public_is_explained() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.reference", "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=repo_dir(),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def _modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


def test_importing_the_library_imports_neither_pulumi_nor_kubernetes() -> None:
    assert not {name.split(".")[0] for name in _modules_after("import otel_mesh")} & {
        "pulumi",
        "pulumi_kubernetes",
        "pydantic",
    }


def test_a_component_imports_no_kubernetes_group_before_it_is_made() -> None:
    loaded = _modules_after("from otel_mesh import Jaeger, Loki, Microservice, OtelCollector, Postgres, Prometheus")
    assert not {name for name in loaded if name.startswith("pulumi_kubernetes")}


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(otel_mesh, "Grafana2")


def test_all_components_together_import_few_kubernetes_classes() -> None:
    """What making every component imports: the API versions of its objects, not the hundreds of others."""
    versions = set(otel_mesh.manifests._MODULES.values())  # noqa: SLF001 - what resource() imports
    loaded = _modules_after("import " + ", ".join(f"pulumi_kubernetes.{version}" for version in versions))
    classes = {
        name for name in loaded if name.startswith("pulumi_kubernetes.") and name.rpartition(".")[2][0].isupper()
    }
    assert {"pulumi_kubernetes.core.v1.Service", "pulumi_kubernetes.apps.v1.Deployment"} < classes
    assert {name.removeprefix("pulumi_kubernetes.").rpartition(".")[0] for name in classes} == versions
