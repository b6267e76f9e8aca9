"""Objects of backends outside are accepted by the running API server, with strict validation of every field."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from otel_mesh import PrometheusMonitorsArgs, PrometheusMonitorsSettings
from otel_mesh.backends.prometheus.operator import monitor_manifests
from otel_mesh.mesh.istio.telemetry_egress import service_entries
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from otel_mesh_stack.rules import rule_files
from tests.components.backend_scenarios import EGRESS
from tests.components.backends.test_monitors import DEFINITIONS, TARGETS
from tests.components.scenarios import MESH
from tests.e2e.cluster_objects import as_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import CompletedProcess

    from tests.built import Built

pytestmark = pytest.mark.e2e

NAMESPACE = "observability"


@pytest.fixture
def definitions(built: Built, kubectl: Callable[..., str]) -> Iterator[tuple[str, ...]]:
    """The Prometheus Operator's definitions in the cluster, which has none otherwise."""
    folder = built(*DEFINITIONS.values())
    files = [argument for file in DEFINITIONS.values() for argument in ("-f", str(folder / file))]
    names = tuple(yaml.safe_load((folder / file).read_text())["metadata"]["name"] for file in DEFINITIONS.values())
    kubectl("apply", "--server-side", *files)
    try:
        kubectl("wait", "--for=condition=Established", "--timeout=180s", *(f"crd/{name}" for name in names))
        yield names
    finally:
        kubectl("delete", "crd", *names)


def test_the_operators_objects_are_accepted(definitions: tuple[str, ...], kubectl: Callable[..., str]) -> None:
    args = PrometheusMonitorsArgs(
        namespace=NAMESPACE, targets=TARGETS, exposed=("shop/api-gateway",), rules=rule_files(), mesh=MESH
    )
    objects = monitor_manifests(args, PrometheusMonitorsSettings(labels={"release": "monitoring"}))
    kubectl("apply", "--validate=strict", "-f", "-", input=as_list(objects))
    kinds = ",".join(definitions)
    found = json.loads(kubectl("get", kinds, "-n", NAMESPACE, "-o", "json"))["items"]
    assert {(one["kind"], one["metadata"]["name"]) for one in found} == {
        (one["kind"], one["metadata"]["name"]) for one in objects
    }


def test_the_operators_definitions_refuse_an_unknown_field(
    definitions: tuple[str, ...],  # noqa: ARG001 - in the cluster
    run: Callable[..., CompletedProcess[str]],
) -> None:
    (wrong,) = monitor_manifests(
        PrometheusMonitorsArgs(namespace=NAMESPACE, targets={"jaeger": TARGETS["jaeger"]}),
        PrometheusMonitorsSettings(),
    )[:1]
    wrong["spec"]["endpoints"][0]["targetport"] = 1
    done = run("kubectl", "apply", "--validate=strict", "--dry-run=server", "-f", "-", input=as_list([wrong]))
    assert done.returncode != 0
    assert "unknown field" in done.stderr
    assert "targetport" in done.stderr


@pytest.mark.skipif(stack_mesh().kind != "istio", reason="ServiceEntries, which only Istio has")
def test_hosts_outside_are_accepted_by_the_mesh(kubectl: Callable[..., str]) -> None:
    kubectl(
        "apply", "--validate=strict", "--dry-run=server", "-f", "-", input=as_list(service_entries(NAMESPACE, EGRESS))
    )
