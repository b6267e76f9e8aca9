"""S2.2: a gateway of the Gateway API: strict field validation by the API server, and its refusal of routes of teams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from otel_mesh import IngressGatewaySettings, Severity, TeamRoute, check_objects
from otel_mesh.mesh.gateway_api.grants import route_grants
from otel_mesh.mesh.gateway_api.routes import service_route
from otel_mesh_cli.stacks import pulumi_cli, rendering
from tests.components.mesh.gateway_api_scenarios import ENVOY, SCENARIOS, SECURE
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_mesh.k8s.manifests import Manifest
    from tests.built import Built
    from tests.engine.api_server import ApiServer

pytestmark = pytest.mark.engine

SPACES: Final = ("ingress", "shop", "mobile", "reviews")
NEW: Final = ("EnvoyProxy", "ClientTrafficPolicy", "BackendTrafficPolicy", "Gateway", "GatewayClass", "HTTPRoute")
GRANTS: Final = (
    TeamRoute(namespace="mobile", service="mobile-api", path_prefix="/mobile"),
    TeamRoute(namespace="reviews", service="reviews", host="reviews.example.com"),
)
GATEWAY: Final = IngressGatewaySettings(hosts=("shop.example.com", "*.example.com"))


@pytest.fixture(scope="module")
def dry_run(api_server: ApiServer, kubeconfig: Path, built: Built) -> Callable[[list[Manifest]], str]:
    """What the API server says against objects; it knows all kinds, and the namespaces."""
    files = [*built.envoy_gateway().glob("*.yaml"), *(built.charts() / "gateway-api").glob("*.yaml")]
    spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in SPACES]
    text = "\n---\n".join([*(path.read_text() for path in files), yaml.safe_dump_all(spaces)])
    done = api_server.kubectl(["apply", "--server-side", "--force-conflicts", "--filename=-"], kubeconfig, text)
    assert done.returncode == 0, done.stderr
    waited = api_server.kubectl(["wait", "crd", "--all", "--for=condition=Established", "--timeout=150s"], kubeconfig)
    assert waited.returncode == 0, waited.stderr

    def against(objects: list[Manifest]) -> str:
        return api_server.dry_run(objects, kubeconfig, "--force-conflicts").stderr

    return against


@pytest.mark.parametrize("name", SCENARIOS)
def test_objects_pass_strict_field_validation(name: str, dry_run: Callable[[list[Manifest]], str]) -> None:
    ours = [one for one in SCENARIOS[name]() if one["kind"] != "Secret"]  # without a real certificate
    assert dry_run(ours) == ""


def test_a_stack_s_objects_pass_strict_field_validation(dry_run: Callable[[list[Manifest]], str], built: Built) -> None:
    changes: dict[str, Any] = {"mesh": {"kind": "linkerd", "gateway_api": {}}}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(pulumi_cli.CHARTS_DIR, str(built.linkerd_charts()))
        with rendering.of("dev", changes) as made:
            found = [yaml.safe_load(path.read_text()) for path in made.write().rglob("*.yaml")]
    ours = [one for one in found if one["kind"] in NEW and not one["metadata"]["name"].endswith("-errors")]
    assert {one["kind"] for one in ours} >= set(NEW)
    assert dry_run(ours) == ""
    worse = [str(one) for one in check_objects(found) if one.severity is not Severity.INFO]
    assert worse == []


def _route(service: str, namespace: str, prefix: str = "/", *hosts: str) -> Manifest:
    parent = ENVOY.parent(GATEWAY)
    (made,) = service_route(service, namespace, parent, port=8080, prefix=prefix, hosts=hosts, retries=0)
    return made


def test_teams_attach_the_routes_that_they_are_granted_and_no_others(
    dry_run: Callable[[list[Manifest]], str], api_server: ApiServer, kubeconfig: Path
) -> None:
    assert SECURE.hosts == GATEWAY.hosts
    policies = yaml.safe_dump_all(route_grants(ENVOY.parent(GATEWAY), GRANTS))
    done = api_server.kubectl(["apply", "--server-side", "--filename=-"], kubeconfig, policies)
    assert done.returncode == 0, done.stderr
    refused = "the platform grants no such route"
    foreign = _route("mobile-api", "mobile", "/", "shop.example.com")
    try:
        wait_for(lambda: refused in dry_run([foreign]), lambda: "the admission policy refuses nothing", every_s=0.5)
        every = _route("mobile-api", "mobile", "/mobile")
        every["spec"]["rules"][0]["matches"] = []
        another = _route("mobile-api", "mobile", "/mobile")
        another["spec"]["rules"].append({**another["spec"]["rules"][0], "matches": [{"path": {"value": "/"}}]})
        pattern = _route("mobile-api", "mobile", "/mobile")
        pattern["spec"]["rules"][0]["matches"] = [{"path": {"type": "RegularExpression", "value": "/mobile/.*|/"}}]
        for one in (
            every,
            another,
            pattern,
            _route("mobile-api", "mobile", "/mobiles"),
            _route("mobile-api", "mobile", "/mobile", "reviews.example.com"),
            _route("other", "mobile", "/mobile"),
            _route("reviews", "reviews", "/"),
            _route("reviews", "reviews", "/", "shop.example.com"),
            _route("reviews", "reviews", "/", "reviews.example.com", "shop.example.com"),
        ):
            assert refused in dry_run([one]), one
        elsewhere = _route("other", "mobile")
        elsewhere["spec"]["parentRefs"] = [{"group": "", "kind": "Service", "name": "other", "port": 8080}]
        for one in (
            _route("mobile-api", "mobile", "/mobile"),
            _route("mobile-api", "mobile", "/mobile/api", "shop.example.com", "*.example.com"),
            _route("reviews", "reviews", "/", "reviews.example.com"),
            _route("api-gateway", "shop"),
            elsewhere,
        ):
            assert dry_run([one]) == "", one
    finally:
        api_server.kubectl(["delete", "--filename=-"], kubeconfig, policies)
