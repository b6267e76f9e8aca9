"""A firing alert arrives at a webhook in the cluster, on the route of its severity.

The stack is changed for this module and restored afterwards.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.core import waiting
from tests.e2e.open_network import every_connection

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping

    import httpx

pytestmark = [pytest.mark.e2e, pytest.mark.full]

NAME = "alert-hook"
NAMESPACE = ("-n", "observability")
HOOK = f"http://{NAME}.observability.svc:8080"
CHANGES = {
    "alertmanager": {
        "receivers": {one: {"webhook": {"url": f"{HOOK}/{one}"}} for one in ("pager", "team")},
        "routes": {"critical": "pager", "warning": "team"},
        "group_wait": "1s",
        "group_interval": "1s",
    }
}
SERVER = """
import http.server, sys
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        print(self.path, body, flush=True)
        self.send_response(200)
        self.end_headers()
http.server.ThreadingHTTPServer(("", 8080), Hook).serve_forever()
"""
DEAD_ORDER = (
    "insert into orders (user_id, status, total, payment_method, request_digest, due_at, dead_at) "
    "values (1, 'payment_pending', 1, 'e2e', 'e2e', now(), now())"
)
PSQL = 'PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") exec psql --no-password -At -U shop -d order_service -c "$1"'
WAIT_S = 150
"""More than the interval of the rules, a minute, and that of the metrics."""


def _hook(image: str) -> dict[str, Any]:
    """A webhook that writes what it gets to its log; it is outside the mesh like Alertmanager itself."""
    labels = {"app.kubernetes.io/name": NAME, "sidecar.istio.io/inject": "false"}
    closed = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "hook",
        "image": image,
        "command": ["python", "-c", SERVER],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "resources": {"limits": {"memory": "128Mi"}},
        "securityContext": closed,
    }
    meta = {"name": NAME, "namespace": "observability", "labels": labels}
    pod = {"automountServiceAccountToken": False, "containers": [container]}
    service = {"selector": {"app.kubernetes.io/name": NAME}, "ports": [{"port": 8080}]}
    items = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service},
        every_connection({"name": NAME, "namespace": "observability"}, {"app.kubernetes.io/name": NAME}),
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


@pytest.fixture(scope="module")
def arrived(
    run: Callable[..., subprocess.CompletedProcess[str]], kubectl: Callable[..., str]
) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    """Alerts that arrived at a path of the webhook, while the stack sends them there."""
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    kubectl(
        "apply", "-f", "-", input=json.dumps(_hook(kubectl("get", "-n", "shop", "deploy/api-gateway", "-o", image)))
    )

    def alerts(path: str) -> list[dict[str, Any]]:
        lines = (line.partition(" ") for line in kubectl("logs", *NAMESPACE, NAME).splitlines())
        return [alert for place, _, body in lines if place == path for alert in json.loads(body)["alerts"]]

    try:
        kubectl("wait", *NAMESPACE, f"pod/{NAME}", "--for=condition=Ready", "--timeout=180s")
        done = run(sys.executable, "-m", "tests.e2e.changed_stack", json.dumps(CHANGES), "up", timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        yield alerts
    finally:
        done = run("otel-mesh", "up", timeout=600)
        kubectl("delete", *NAMESPACE, "pod,service,networkpolicy", NAME, "--ignore-not-found", "--now")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def dead_order(kubectl: Callable[..., str], arrived: object) -> Iterator[None]:  # noqa: ARG001 - the stack first
    """An order that could not be settled, which is what OrdersSetAside fires for."""

    def sql(text: str) -> str:
        return kubectl("exec", "-n", "shop", "statefulset/postgres", "--", "sh", "-c", PSQL, "sh", text)

    try:
        sql(DEAD_ORDER)
        yield
    finally:
        sql("delete from orders where payment_method = 'e2e'")


def _named(alerts: list[dict[str, Any]], name: str) -> list[dict[str, Any]] | None:
    """The alerts of a name; None if there are none."""
    return [one for one in alerts if one["labels"]["alertname"] == name] or None


def test_a_firing_alert_arrives_at_the_webhook_of_its_severity(
    arrived: Callable[[str], list[dict[str, Any]]],
    dead_order: None,  # noqa: ARG001 - what the alert fires for
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    alerts = waiting.wait(
        lambda: _named(arrived("/pager"), "OrdersSetAside"),
        WAIT_S,
        lambda: "no alert arrived",
        "see Alertmanager's log",
    )
    assert {(one["status"], one["labels"]["severity"]) for one in alerts} == {("firing", "critical")}
    assert "could not be settled" in alerts[0]["annotations"]["summary"]
    assert not _named(arrived("/team"), "OrdersSetAside")
    listed = run("otel-mesh", "alerts", "--output", "json")
    assert listed.returncode == 0, listed.stderr
    assert "OrdersSetAside" in [one["name"] for one in json.loads(listed.stdout)["alerts"]]


def test_a_warning_that_a_critical_alert_explains_is_muted(
    arrived: Callable[[str], list[dict[str, Any]]],
    dead_order: None,  # noqa: ARG001 - the critical alert
    http: httpx.Client,
    settings: Mapping[str, str],
) -> None:
    """Of two warnings, the one about the same service is not sent."""
    url = f"{settings['ALERTMANAGER_URL']}/api/v2/alerts"
    waiting.wait(
        lambda: _named(http.get(url).json(), "OrdersSetAside"),
        WAIT_S,
        lambda: "no critical alert",
        "see Prometheus' log",
    )
    common = {"severity": "warning", "service_namespace": "shop"}
    warnings = [
        {"labels": {**common, "alertname": name, "service_name": name_of}}
        for name, name_of in (("SameService", "order-service"), ("OtherService", "user-service"))
    ]
    assert http.post(url, json=warnings).status_code == 200
    waiting.wait(lambda: _named(arrived("/team"), "OtherService"), 60, lambda: "no warning arrived", "see its log")
    states = {one["labels"]["alertname"]: one["status"]["state"] for one in http.get(url).json()}
    assert states["SameService"] == "suppressed"
    assert not _named(arrived("/team"), "SameService")
