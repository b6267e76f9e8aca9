"""The public names of the library, and the cost of importing it."""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import otel_mesh
from otel_mesh.k8s.manifests import resource_type
from otel_mesh_cli.core.paths import repo_dir
from tests.components import public_api

GOLDEN = repo_dir() / "tests" / "components" / "golden"


@pytest.mark.parametrize("package", ["otel_mesh", "otel_mesh_telemetry"])
def test_the_public_api_matches_the_reviewed_listing(package: str) -> None:
    """A removed or changed line breaks callers: see the rules in CHANGELOG.md before updating the file."""
    place = GOLDEN / f"api-{package}.txt"
    present = public_api.listing(package)
    if os.environ.get("UPDATE_GOLDEN"):
        place.write_text(present)
    assert present == place.read_text(), "UPDATE_GOLDEN=1 updates it"


OPEN = {
    "Container.further": "fields of Kubernetes that have no field here",
    "Declared.outputs": "a program's own",
    "Istio.mesh": "exported as it is, and read by another stack as a MeshBinding",
    "Linkerd.mesh": "exported as it is, and read by another stack as a MeshBinding",
    "VolumeSource.downwardAPI": "rarely used, as Kubernetes writes it",
    "VolumeSource.ephemeral": "rarely used, as Kubernetes writes it",
    "VolumeSource.nfs": "rarely used, as Kubernetes writes it",
}
"""Public fields that take or hold anything, with the reason."""


def test_public_fields_are_typed() -> None:
    lines = (GOLDEN / "api-otel_mesh.txt").read_text().splitlines()
    fields = (re.fullmatch(r"([A-Z]\w+\.\w+): (.*)", line) for line in lines)
    assert {one[1] for one in fields if one and re.search(r"\bAny\b", one[2])} == OPEN.keys()


def test_public_names_are_defined_in_modules_of_the_library() -> None:
    assert sorted(otel_mesh.__all__) == dir(otel_mesh)
    public = [getattr(otel_mesh, name) for name in otel_mesh.__all__]
    defined = [one for one in public if inspect.isclass(one) or inspect.isfunction(one)]
    assert len(defined) > 100
    assert all(one.__module__.startswith("otel_mesh.") for one in defined)


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


def test_a_component_imports_no_kubernetes_group_before_construction() -> None:
    loaded = _modules_after(
        "from otel_mesh import Jaeger, Microservice, OtelCollector, Postgres, Prometheus, VictoriaLogs"
    )
    assert not {name for name in loaded if name.startswith("pulumi_kubernetes")}


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(otel_mesh, "Grafana2")


def test_every_object_has_the_type_token_of_its_pulumi_kubernetes_class() -> None:
    """The classes themselves are not used, so a wrong type would go unnoticed."""
    found = [one for file in GOLDEN.glob("*.yaml") for one in yaml.safe_load_all(file.read_text())]
    package = importlib.util.find_spec("pulumi_kubernetes")
    assert package
    assert package.origin
    defined = (".istio.io", "monitoring.coreos.com")
    types = {resource_type(one): one for one in found if not one["apiVersion"].partition("/")[0].endswith(defined)}
    assert len(types) > 10
    for name, manifest in types.items():
        sources = Path(package.origin).parent.rglob(f"{manifest['kind']}.py")
        assert any(f"'{name}'" in source.read_text() for source in sources), name
