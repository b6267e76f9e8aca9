"""README's program: examples/one_service, run without an engine."""

from __future__ import annotations

import json
import re
import runpy
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.core.paths import repo_dir
from tests.components.pulumi_program import Program, event_loop

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = repo_dir() / "examples" / "one_service" / "__main__.py"


@pytest.fixture
def program() -> Iterator[Program]:
    with event_loop() as loop:
        running = Program(loop)
        runpy.run_path(str(PROGRAM))
        yield running


def _one(program: Program, kind: str, name: str) -> dict[str, Any]:
    (found,) = (
        one.inputs
        for one in program.mocks.registered
        if one.typ.rsplit(":", 1)[-1] == kind and one.inputs.get("metadata", {}).get("name") == name
    )
    return dict(found)


def test_the_readme_shows_this_program() -> None:
    (shown,) = re.findall(r"```python\n(import pulumi\n.*?)```", (repo_dir() / "README.md").read_text(), re.DOTALL)
    assert shown == PROGRAM.read_text().partition('"""\n\n')[2]


def test_it_installs_the_mesh_and_what_takes_telemetry(program: Program) -> None:
    kinds = program.kinds()
    assert {"Istio", "Namespace", "Jaeger", "Prometheus", "OtelCollector", "Microservice"} <= set(kinds)
    assert kinds.count("Chart") == 3


def test_the_service_is_in_the_mesh_and_sends_to_the_collector(program: Program) -> None:
    program.kinds()
    assert _one(program, "Namespace", "books")["metadata"]["labels"]["istio.io/rev"] == "default"
    pod = _one(program, "Deployment", "catalog")["spec"]["template"]["spec"]
    variables = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otel-collector.books.svc.cluster.local:4317"
    assert "service.mesh=istio" in variables["OTEL_RESOURCE_ATTRIBUTES"]


def test_proxies_and_services_send_to_the_same_collector(program: Program) -> None:
    program.kinds()
    (istiod,) = (one.inputs for one in program.mocks.registered if one.name == "istio-istiod")
    assert '"service": "otel-collector.books.svc.cluster.local"' in json.dumps(istiod)
