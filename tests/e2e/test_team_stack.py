"""C2, B11 on real sidecars: examples/team_stack as a second stack joins the platform, and its destroy leaves nothing.

The tests of this file share the team's stack and run in file order.
"""

from __future__ import annotations

import json
import os
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_mesh.teams.binding import SHARED_DASHBOARDS, SHARED_RULES
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.oncall import traces
from otel_mesh_cli.stacks.addresses import GATEWAY, JAEGER, PROMETHEUS
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from otel_mesh_embedded.environment import workspace
from tests.e2e.second_stack import PLATFORM, second_stack
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from subprocess import CompletedProcess

    import httpx

pytestmark = [pytest.mark.e2e, pytest.mark.in_order]

NAMESPACE: Final = "mobile"
OBSERVABILITY: Final = "observability"
_ELSEWHERE: Final = {"type": "ReplaceFullPath", "replaceFullPath": "/hijacked"}
PREFIX: Final = f"{NAMESPACE}.mobile-api."
ALERT: Final = "MobileApiServesNothing"
_BY_ISTIO: Final = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "spec": {
        "hosts": ["*"],
        "gateways": ["istio-ingress/ingress"],
        "http": [{"match": [{"uri": {"prefix": "/api/users"}}], "directResponse": {"status": 418}}],
    },
}
_BY_GATEWAY_API: Final = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "spec": {
        "parentRefs": [{"namespace": "ingress", "name": "ingress"}],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/api/users"}}],
                "filters": [{"type": "RequestRedirect", "requestRedirect": {"path": _ELSEWHERE}}],
            }
        ],
    },
}
HIJACK: Final = {
    **(_BY_ISTIO if stack_mesh().kind == "istio" else _BY_GATEWAY_API),
    "metadata": {"name": "team-stack-hijack", "namespace": "default"},
}
"""A route that nobody granted, bound to the platform's gateway from another namespace."""


@pytest.fixture(scope="module")
def team(
    tmp_path_factory: pytest.TempPathFactory,
    settings: Mapping[str, str],
    run: Callable[..., CompletedProcess[str]],
    kubectl: Callable[..., str],
) -> Iterator[Callable[..., str]]:
    """The stock Pulumi CLI on a copy of the example, as a second stack beside the platform's; gone afterwards."""
    image = json.loads(workspace.images_file().read_text())["api-gateway"]
    context = kubectl("config", "current-context").strip()
    config = {"platform": PLATFORM, "context": context, "image": image}
    kubectl("apply", "-f", "-", input=json.dumps(HIJACK))
    try:
        with second_stack("team_stack", tmp_path_factory.mktemp("team"), config, settings, run) as pulumi:
            yield pulumi
    finally:
        kubectl("delete", "--ignore-not-found", "-f", "-", input=json.dumps(HIJACK))


def _data(kubectl: Callable[..., str], config_map: str) -> dict[str, str]:
    found = json.loads(kubectl("get", "configmap", config_map, "-n", OBSERVABILITY, "-o", "json"))
    data: dict[str, str] = found.get("data", {})
    return data


def _status(http: httpx.Client, path: str) -> int:
    return http.get(f"{GATEWAY.url}{path}").status_code


@pytest.mark.usefixtures("team")
def test_c2_a_trace_crosses_the_gateway_and_both_teams_sidecars(http: httpx.Client) -> None:
    wait_for(lambda: _status(http, "/mobile/api/users/123") == HTTPStatus.OK, every_s=1)
    trace_id = os.urandom(16).hex()
    answer = http.get(
        f"{GATEWAY.url}/mobile/api/users/123", headers={"traceparent": f"00-{trace_id}-{os.urandom(8).hex()}-01"}
    )
    assert answer.status_code == HTTPStatus.OK, answer.text

    def seen() -> set[tuple[str, str | None]]:
        return {(one.service, one.proxy) for one in traces.fetch(http, JAEGER.url, trace_id)}

    proxies = {("ingress", "gateway"), ("mobile-api", "sidecar"), ("user-service", "sidecar")}
    wanted = {*proxies, ("mobile-api", None), ("user-service", None)}
    wait_for(lambda: wanted <= seen(), every_s=1)
    assert "api-gateway" not in {name for name, _ in seen()}


@pytest.mark.usefixtures("team")
def test_c2_a_route_that_nobody_granted_has_no_effect(http: httpx.Client) -> None:
    """The route of the test above was configured after this one, and the platform's own still answers."""
    assert _status(http, "/api/users/123") == HTTPStatus.OK


@pytest.mark.usefixtures("team")
def test_c2_alerts_and_objectives_reach_prometheus_without_a_redeployment(http: httpx.Client) -> None:
    def rules() -> dict[str, dict[str, Any]]:
        groups = http.get(f"{PROMETHEUS.url}/api/v1/rules").json()["data"]["groups"]
        return {rule["name"]: rule for group in groups if PREFIX in group["file"] for rule in group["rules"]}

    def healthy() -> dict[str, dict[str, Any]]:
        found = rules()
        return found if all(one["health"] == "ok" for one in found.values()) else {}

    # the kubelet looks at mounted ConfigMaps every 10 s or so, of another cluster every minute
    found = wait_for(healthy, patience_s=240, every_s=1)
    assert found[ALERT]["type"] == "alerting"
    assert found["slo:objective:ratio"]["labels"]["service_name"] == "mobile-api"


@pytest.mark.usefixtures("team")
def test_c2_the_dashboard_lies_where_grafana_reads_it(kubectl: Callable[..., str]) -> None:
    data = _data(kubectl, SHARED_DASHBOARDS)
    assert json.loads(data[f"{PREFIX}mobile.json"])["uid"] == "mobile-api"


@pytest.mark.usefixtures("team")
def test_c2_its_calls_are_declared_on_the_service_map(run: Callable[..., CompletedProcess[str]]) -> None:
    def standing() -> dict[tuple[str, str], str]:
        done = run("otel-mesh", "map", "--since", "5m", "--output", "json")
        assert done.returncode == 0, done.stderr
        return {(one["caller"], one["callee"]): one["standing"] for one in json.loads(done.stdout)["edges"]}

    wait_for(lambda: standing().get(("mobile-api", "user-service")) == "declared", patience_s=120, every_s=1)
    found = standing()
    assert found["mobile-api", "order-service"] == "silent"
    if stack_mesh().kind == "istio":  # Linkerd's proxy names the callee by the client's Host, here an address
        assert found["ingress", "mobile-api"] == "entrance"


def test_c2_destroy_leaves_nothing(team: Callable[..., str], kubectl: Callable[..., str], http: httpx.Client) -> None:
    team("destroy", "--yes", "--skip-preview")
    for config_map in (SHARED_RULES, SHARED_DASHBOARDS):
        assert not [key for key in _data(kubectl, config_map) if key.startswith(PREFIX)]
    policies = kubectl("get", "authorizationpolicies", "-n", OBSERVABILITY, "-o", "name")
    assert "mobile" not in policies
    assert not kubectl("get", "namespace", NAMESPACE, "--ignore-not-found")
    wait_for(lambda: _status(http, "/mobile/api/users/123") == HTTPStatus.NOT_FOUND, every_s=1)


def test_the_program_for_the_service_is_short() -> None:
    lines = (repo_dir() / "examples" / "team_stack" / "__main__.py").read_text().splitlines()
    statements = lines[lines.index("config = pulumi.Config()") :]
    assert len([line for line in statements if line]) <= 15
