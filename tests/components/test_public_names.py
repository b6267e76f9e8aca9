"""The library's face: its public names, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import otel_mesh

PUBLIC = """
Batching Catalog CollectorIdentity DatabaseAccess Edge GatewayBinding IngressGateway IngressGatewayArgs
IngressGatewaySettings InvalidSettingsError Istio IstioArgs IstioSettings Jaeger JaegerArgs JaegerSettings MeshBinding
Microservice MicroserviceArgs MicroserviceSettings Namespace NamespaceArgs NamespaceSettings NoMesh OtelCollector
OtelCollectorArgs OtelCollectorSettings Postgres PostgresArgs PostgresSettings Priority PriorityClass
PriorityClassArgs PriorityClassSettings Problem Prometheus PrometheusArgs PrometheusSettings Resources Route
Scheduling Service ServiceRuntime Signals Storage Store TailSampler TailSamplerArgs TailSamplerSettings
TelemetryAccess TelemetryAccessArgs Toleration Tracing callee_environment service_edges signal_matrix topology
"""


def test_public_names() -> None:
    assert sorted(otel_mesh.__all__) == PUBLIC.split() == dir(otel_mesh)
    assert all(getattr(otel_mesh, name).__module__.startswith("otel_mesh.") for name in otel_mesh.__all__)


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
    loaded = _modules_after("from otel_mesh import Jaeger, Microservice, OtelCollector, Postgres, Prometheus")
    assert not {name for name in loaded if name.startswith("pulumi_kubernetes")}


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(otel_mesh, "Grafana2")
