"""S1.1: a stack with Linkerd: strict field validation of every object by the API server, and admission of its pods."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from otel_mesh import InvalidSettingsError, ServiceTrafficArgs, Severity, TrafficPolicy, check_objects
from otel_mesh.mesh.control.service_traffic import service_traffic_manifests
from otel_mesh.mesh.linkerd.access import access_policies
from otel_mesh.mesh.linkerd.renderer import LinkerdRenderer
from otel_mesh_cli.stacks import pulumi_cli, rendering
from tests.components.mesh.access_routes import accesses, grpc_accesses
from tests.components.mesh.linkerd.scenarios import BINDING, TRAFFIC
from tests.components.mesh.linkerd.test_policies import EGRESS
from tests.linkerd_charts import LACKING

if TYPE_CHECKING:
    from pathlib import Path

    from otel_mesh import Access
    from tests.built import Built
    from tests.engine.api_server import ApiServer

pytestmark = pytest.mark.engine

SPACES: Final = {"observability": "observability-linkerd", "services": "shop-linkerd"}
_DEFINITION: Final = "CustomResourceDefinition"
_FIRST: Final = ("Namespace", "PriorityClass", "ServiceAccount")
_OTHER_HOOKS: Final = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


@pytest.fixture(scope="module")
def objects(api_server: ApiServer, kubeconfig: Path, built: Built) -> list[dict[str, Any]]:
    """The objects of stack ``dev`` with Linkerd; its definitions and the objects needed by admission exist."""
    changes = {"namespaces": SPACES, "mesh": {"kind": "linkerd"}}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(pulumi_cli.CHARTS_DIR, str(built.linkerd_charts()))
        with rendering.of("dev", changes) as made:
            found = [yaml.safe_load(path.read_text()) for path in made.write().rglob("*.yaml")]
    for kind in (_DEFINITION, *_FIRST):
        needed = [one for one in found if one["kind"] == kind]
        words = ["apply", "--server-side", "--force-conflicts", "--filename=-"]
        if needed:
            done = api_server.kubectl(words, kubeconfig, yaml.safe_dump_all(needed))
            assert done.returncode == 0, done.stderr
    waited = api_server.kubectl(["wait", "crd", "--all", "--for=condition=Established", "--timeout=150s"], kubeconfig)
    assert waited.returncode == 0, waited.stderr
    return found


def _served(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in manifests if one["kind"] not in LACKING]


def test_objects_pass_strict_field_validation(
    objects: list[dict[str, Any]], api_server: ApiServer, kubeconfig: Path
) -> None:
    ours = _served([one for one in objects if one["kind"] not in {_DEFINITION, *_OTHER_HOOKS}])
    assert {"AuthorizationPolicy", "MeshTLSAuthentication"} <= {one["kind"] for one in ours}
    done = api_server.dry_run(ours, kubeconfig, "--force-conflicts")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(ours)


def test_policies_pass_strict_field_validation(
    objects: list[dict[str, Any]], api_server: ApiServer, kubeconfig: Path
) -> None:
    assert objects
    made: dict[tuple[str, str], dict[str, Any]] = {}
    rendered = LinkerdRenderer().egress(EGRESS, BINDING, "shop", prefix="external")
    for place, (target, values) in enumerate(TRAFFIC.values()):
        own = target.model_copy(update={"service": f"orders-{place}"})
        args = ServiceTrafficArgs(target=own, mesh=BINDING)
        rendered += service_traffic_manifests(args, TrafficPolicy.model_validate(values))
    for one in _served(rendered):
        one["metadata"]["namespace"] = SPACES["services"]
        made[one["kind"], one["metadata"]["name"]] = one
    done = api_server.dry_run([*made.values()], kubeconfig)
    assert done.returncode == 0, done.stderr
    assert {"HTTPRoute", "GRPCRoute"} <= {kind for kind, _ in made}


def test_b3_any_access_with_routes_passes_strict_field_validation(
    objects: list[dict[str, Any]], api_server: ApiServer, kubeconfig: Path
) -> None:
    assert objects

    @settings(max_examples=4, deadline=None)
    @given(st.lists(st.one_of(accesses(), grpc_accesses()), min_size=8, max_size=8))
    def check(chosen: list[Access]) -> None:
        made = []
        for place, one in enumerate(chosen):
            own = one.model_copy(update={"workload": f"s{place}"})
            with suppress(InvalidSettingsError):  # what Linkerd cannot tell apart
                made += access_policies([own], BINDING, SPACES["services"])
        assume(_served(made))
        done = api_server.dry_run(_served(made), kubeconfig, "--force-conflicts")
        assert done.returncode == 0, done.stderr

    check()


def test_pods_are_admitted_by_their_namespaces(
    objects: list[dict[str, Any]], api_server: ApiServer, kubeconfig: Path
) -> None:
    """Workloads, control plane and all: restricted, but for linkerd-cni on the nodes."""
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **one["spec"]["template"]["metadata"],
                "name": one["metadata"]["name"],
                "namespace": one["metadata"]["namespace"],
            },
            "spec": one["spec"]["template"]["spec"],
        }
        for one in objects
        if one["kind"] in {"Deployment", "StatefulSet", "DaemonSet"}
    ]
    assert {"linkerd-identity", "linkerd-destination", "linkerd-proxy-injector", "linkerd-cni"} <= {
        pod["metadata"]["name"] for pod in pods
    }
    done = api_server.dry_run(pods, kubeconfig)
    assert done.returncode == 0, done.stderr
    assert "would violate PodSecurity" not in done.stderr


def test_no_private_key_and_nothing_random_is_written(objects: list[dict[str, Any]], built: Built) -> None:
    assert "PRIVATE KEY" not in yaml.safe_dump_all(objects)
    assert not any(one["kind"] == "CronJob" for one in objects), "the heartbeat's schedule is random"
    for one in objects:
        if one["kind"] in _OTHER_HOOKS and one["metadata"]["name"].startswith("linkerd-"):
            assert {hook["clientConfig"]["caBundle"] for hook in one["webhooks"]} == {"cGxhY2Vob2xkZXI="}
    assert built.linkerd_charts()


def test_the_checks_find_nothing(objects: list[dict[str, Any]]) -> None:
    worse = [str(one) for one in check_objects(objects) if one.severity is not Severity.INFO]
    assert worse == []
