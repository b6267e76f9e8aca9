"""B5: the gallery: one mistake per file, named by the file and its lines ``# expect: CODE Kind namespace/name``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from otel_mesh import Severity, check_objects
from otel_mesh.check.findings import CODES
from otel_mesh.core.labels import Annotation

HERE = Path(__file__).parent
GALLERY = sorted((HERE / "gallery").glob("*.yaml"))
GOLDEN = sorted((HERE.parent / "golden").rglob("*.yaml"))
_EXPECTED = re.compile(r"^# expect: (\w+) (.+)$", re.MULTILINE)


def found(path: Path) -> list[tuple[str, str]]:
    findings = check_objects(one for one in yaml.safe_load_all(path.read_text()) if one)
    return sorted({(one.code.id, str(one.object)) for one in findings})


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_each_file_has_its_one_mistake(path: Path) -> None:
    assert found(path) == sorted(_EXPECTED.findall(path.read_text()))


def test_each_code_has_a_file() -> None:
    shown = {code for path in GALLERY for code, _ in _EXPECTED.findall(path.read_text())}
    assert set(CODES) == shown
    assert len(GALLERY) > 70


def _service(routes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The Service that routes are attached to, with its pods of two versions: another component's objects."""
    parents = [parent for route in routes for parent in route["spec"]["parentRefs"] if parent["kind"] == "Service"]
    made: dict[str, dict[str, Any]] = {}
    for parent in parents:
        name, port = parent["name"], parent["port"]
        selected = {"app.kubernetes.io/name": name}
        ports = [{"name": "http", "port": port, "targetPort": port, "appProtocol": "http"}]
        container = {"name": name, "image": "one:1", "ports": [{"name": "http", "containerPort": port}]}
        made[name] = {"apiVersion": "v1", "kind": "Service", "spec": {"selector": selected, "ports": ports}}
        for version in ("v1", "v2"):
            template = {"metadata": {"labels": {**selected, "version": version}}, "spec": {"containers": [container]}}
            made[f"{name}-{version}"] = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": template}}
    return [{**one, "metadata": {"name": name, "namespace": "shop"}} for name, one in made.items()]


def _manifests(path: Path) -> list[dict[str, Any]]:
    """Kubernetes objects of a golden file."""
    return [one for one in yaml.safe_load_all(path.read_text()) if isinstance(one, dict) and "kind" in one]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_what_the_components_make_has_no_mistakes(path: Path) -> None:
    manifests = _manifests(path)
    manifests += _service([one for one in manifests if one["kind"] in {"HTTPRoute", "GRPCRoute"}])
    # OM704: the scenarios' certificate is a stand-in
    worse = [one for one in check_objects(manifests) if one.severity is not Severity.INFO and one.code.id != "OM704"]
    assert [str(one) for one in worse] == []


def test_a_fault_by_an_error_backend_without_an_expiry_date_is_found() -> None:
    path = HERE.parent / "golden" / "policies" / "traffic-fault-for-testers.linkerd.yaml"
    manifests = _manifests(path)
    (route,) = [one for one in manifests if one["kind"] == "HTTPRoute"]
    del route["metadata"]["annotations"][Annotation.FAULT_EXPIRES]
    told = [(str(one.object), one.path) for one in check_objects(manifests) if one.code.id == "OM401"]
    assert told == [("HTTPRoute shop/orders", "spec.rules[0].backendRefs[0]")]
    route["spec"]["rules"][0]["backendRefs"][0]["weight"] = 0
    assert not [one for one in check_objects(manifests) if one.code.id == "OM401"]
