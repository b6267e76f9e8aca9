"""The complete mesh of a stack: strict field validation, and admission of its pods by their namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from otel_mesh import IstioSettings, ServiceTrafficArgs
from otel_mesh.mesh.control.service_traffic import service_traffic_manifests
from otel_mesh.mesh.istio.access import access_policies
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.stacks import pulumi_cli, rendering
from tests.components.mesh.access_routes import accesses, grpc_accesses
from tests.components.mesh.traffic_policies import TARGET, policies
from tests.engine.test_strict_dry_run import with_claims

if TYPE_CHECKING:
    from pathlib import Path

    from otel_mesh import Access, TrafficPolicy
    from tests.built import Built
    from tests.engine.api_server import ApiServer


pytestmark = pytest.mark.engine

_FIRST = ("Namespace", "PriorityClass", "ServiceAccount")
_DEFINITION = "CustomResourceDefinition"
_HOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def _rendered(stack: str, changes: dict[str, Any]) -> list[dict[str, Any]]:
    with rendering.of(stack, changes) as made:
        return [yaml.safe_load(path.read_text()) for path in made.write().rglob("*.yaml")]


@pytest.fixture(scope="module", params=["local", "dev", "prod"])
def objects(
    request: pytest.FixtureRequest, api_server: ApiServer, kubeconfig: Path, built: Built
) -> list[dict[str, Any]]:
    """The objects of a stack with Istio; its definitions and the objects needed by admission exist."""
    stack = request.param
    namespaces = {"observability": f"observability-mesh-{stack}", "services": f"shop-mesh-{stack}"}
    content = yaml.safe_load((repo_dir() / f"Pulumi.{stack}.yaml").read_text())
    mesh = content["config"]["otel-mesh:settings"].get("mesh", {})
    changes = {"namespaces": namespaces, "mesh": {**mesh, "kind": "istio"}}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(pulumi_cli.CHARTS_DIR, str(built.charts()))
        found = _rendered(stack, changes)
    for kind in (_DEFINITION, *_FIRST):
        needed = [one for one in found if one["kind"] == kind]
        if needed:
            text = yaml.safe_dump_all(needed)
            words = ["apply", "--server-side", "--force-conflicts", "--filename=-"]
            done = api_server.kubectl(words, kubeconfig, text)
            assert done.returncode == 0, done.stderr
    waited = api_server.kubectl(["wait", "crd", "--all", "--for=condition=Established", "--timeout=150s"], kubeconfig)
    assert waited.returncode == 0, waited.stderr
    return found


def test_objects_pass_strict_field_validation(
    objects: list[dict[str, Any]], api_server: ApiServer, kubeconfig: Path
) -> None:
    ours = [one for one in objects if one["kind"] not in {_DEFINITION, *_HOOKS}]
    groups = {one["apiVersion"].partition("/")[0] for one in ours}
    assert groups >= {"networking.istio.io", "security.istio.io", "telemetry.istio.io"}
    done = api_server.dry_run(ours, kubeconfig, "--force-conflicts")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(ours)


def test_pods_are_admitted_by_their_namespaces(
    objects: list[dict[str, Any]], api_server: ApiServer, kubeconfig: Path
) -> None:
    pods: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **one["spec"]["template"]["metadata"],
                "name": one["metadata"]["name"],
                "namespace": one["metadata"]["namespace"],
            },
            "spec": with_claims(one),
        }
        for one in objects
        if one["kind"] in {"Deployment", "StatefulSet", "DaemonSet"}
    ]
    assert {"istiod", "istio-cni-node", "ingress"} <= {pod["metadata"]["name"] for pod in pods}
    done = api_server.dry_run(pods, kubeconfig)
    assert done.returncode == 0, done.stderr


def test_b2_any_traffic_policy_passes_strict_field_validation(
    objects: list[dict[str, Any]], api_server: ApiServer, kubeconfig: Path
) -> None:
    namespace = next(one["metadata"]["namespace"] for one in objects if one["kind"] == "VirtualService")
    mesh = istio_binding(IstioSettings())

    @settings(max_examples=4, deadline=None)
    @given(st.lists(policies(), min_size=12, max_size=12))
    def check(chosen: list[TrafficPolicy]) -> None:
        made = []  # an empty policy has no object
        for place, policy in enumerate(chosen):
            target = TARGET.model_copy(update={"service": f"s{place}", "namespace": namespace})
            made += service_traffic_manifests(ServiceTrafficArgs(target=target, mesh=mesh), policy)
        assume(made)
        done = api_server.dry_run(made, kubeconfig)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == len(made)

    check()


def test_b3_any_access_with_routes_passes_strict_field_validation(
    objects: list[dict[str, Any]], api_server: ApiServer, kubeconfig: Path
) -> None:
    namespace = next(one["metadata"]["namespace"] for one in objects if one["kind"] == "AuthorizationPolicy")
    mesh = istio_binding(IstioSettings())

    @settings(max_examples=4, deadline=None)
    @given(st.lists(st.one_of(accesses(), grpc_accesses()), min_size=12, max_size=12))
    def check(chosen: list[Access]) -> None:
        own = [one.model_copy(update={"workload": f"s{place}"}) for place, one in enumerate(chosen)]
        made = access_policies(own, mesh, namespace)
        done = api_server.dry_run(made, kubeconfig, "--force-conflicts")
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == len(made)

    check()


def test_an_unknown_field_of_a_mesh_object_is_refused(
    objects: list[dict[str, Any]], api_server: ApiServer, kubeconfig: Path
) -> None:
    (routes,) = (one for one in objects if one["kind"] == "VirtualService")
    wrong = {**routes, "spec": {**routes["spec"], "timeot": "1s"}}
    done = api_server.dry_run([wrong], kubeconfig)
    assert done.returncode != 0
    assert "timeot" in done.stderr
