"""C1: README's program, examples/one_service, run without an engine."""

from __future__ import annotations

import re

import pytest

from otel_mesh import Declared, run_program
from otel_mesh_cli.core.paths import repo_dir

PROGRAM = repo_dir() / "examples" / "one_service"


@pytest.fixture(scope="module")
def declared() -> Declared:
    return run_program(PROGRAM)


def test_the_readme_shows_this_program() -> None:
    (shown,) = re.findall(r"```python\n(import pulumi\n.*?)```", (repo_dir() / "README.md").read_text(), re.DOTALL)
    assert shown == (PROGRAM / "__main__.py").read_text().partition('"""\n\n')[2]


def test_it_declares_the_mesh_and_what_takes_telemetry(declared: Declared) -> None:
    for name in ("base", "cni", "istiod"):
        declared.one("Chart", name)
    for name in ("jaeger", "prometheus", "otel-collector", "catalog"):
        declared.one("Deployment", name)
    assert declared.outputs == {"url": "http://catalog.books.svc.cluster.local:8080"}


def test_nothing_in_it_contradicts_something_else(declared: Declared) -> None:
    assert declared.findings() == ()


def test_the_service_is_in_the_mesh_and_sends_to_the_collector(declared: Declared) -> None:
    assert declared.one("Namespace", "books")["metadata"]["labels"]["istio.io/rev"] == "default"
    variables = declared.variables("catalog")
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otel-collector.books.svc.cluster.local:4317"
    assert "service.mesh=istio" in str(variables["OTEL_RESOURCE_ATTRIBUTES"])


def test_proxies_send_to_the_collector_that_is_deployed(declared: Declared) -> None:
    collector = declared.one("Service", "otel-collector")["metadata"]
    (provider,) = declared.one("Chart", "istiod")["spec"]["values"]["meshConfig"]["extensionProviders"]
    assert provider["opentelemetry"]["service"] == f"{collector['name']}.{collector['namespace']}.svc.cluster.local"
