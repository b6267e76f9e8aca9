"""README's program: examples/one_service, run without an engine."""

from __future__ import annotations

import re
import runpy
from typing import TYPE_CHECKING, Any

import pytest

import otel_mesh as om
from otel_mesh_cli.core.paths import repo_dir
from tests.components.pulumi_program import Program, event_loop
from tests.examples.installed_istio import InstalledIstio

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = repo_dir() / "examples" / "one_service" / "__main__.py"


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    monkeypatch.setattr(om, "Istio", InstalledIstio, raising=False)
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


def test_it_declares_the_mesh_and_what_takes_telemetry(program: Program) -> None:
    kinds = set(program.kinds())
    assert kinds >= {"Istio", "Namespace", "Jaeger", "Prometheus", "OtelCollector", "Microservice", "Deployment"}


def test_the_service_is_in_the_mesh_and_sends_to_the_collector(program: Program) -> None:
    program.kinds()
    assert _one(program, "Namespace", "books")["metadata"]["labels"]["istio.io/rev"] == "default"
    pod = _one(program, "Deployment", "catalog")["spec"]["template"]["spec"]
    variables = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otel-collector.books.svc.cluster.local:4317"
    assert "service.mesh=istio" in variables["OTEL_RESOURCE_ATTRIBUTES"]


def test_proxies_send_to_the_collector_that_is_deployed(program: Program) -> None:
    program.kinds()
    collector = _one(program, "Service", "otel-collector")["metadata"]
    (args,) = InstalledIstio.args
    assert args.tracing.service == f"{collector['name']}.{collector['namespace']}.svc.cluster.local"
