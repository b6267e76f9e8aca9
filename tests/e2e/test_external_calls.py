"""B3: `external_calls` on real sidecars: the declared caller reaches a host outside the mesh, others do not."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_mesh import (
    Catalog,
    IstioSettings,
    declared_connections,
    declared_egress,
    dns_connections,
    mesh_connections,
    network_policies,
)
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.mesh.istio.egress import egress_manifests
from tests.e2e.cluster_objects import as_list
from tests.e2e.test_network import CONNECT, NAME, OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

SPACE: Final = f"external-{secrets.token_hex(3)}"
ELSEWHERE: Final = f"{SPACE}-outside"
PLAIN, SECURED, TLS_PORT = 8099, 8097, 8443
HOST: Final = "outside.example.com"

SERVE: Final = """
import http.server, socket, threading
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"outside")
plain = http.server.ThreadingHTTPServer(("", 8099), Answer)
threading.Thread(target=plain.serve_forever, daemon=True).start()
raw = socket.create_server(("", 8443))
while True:  # no certificate of a known authority: only the greeting of TLS is looked at
    connection, _ = raw.accept()
    print("first byte", connection.recv(1)[0], flush=True)
    connection.close()
"""
GET: Final = """
import sys, urllib.error, urllib.request
request = urllib.request.Request(f"http://{sys.argv[1]}:{sys.argv[2]}/", headers={"host": "outside.example.com"})
try:
    print(urllib.request.urlopen(request, timeout=10).read().decode())
except urllib.error.HTTPError as error:
    print("HTTP", error.code, error.read().decode(errors="replace"))
except OSError as error:
    print("closed", error)
"""


def catalog(address: str) -> Catalog:
    shared = {"host": HOST, "protocol": "http", "addresses": [f"{address}/32"]}
    calls = [{**shared, "port": PLAIN}, {**shared, "port": SECURED, "tls_port": TLS_PORT}]
    services = [{"name": "declared", "port": 8080, "external_calls": calls}, {"name": "undeclared", "port": 8080}]
    return Catalog.model_validate({"name": "external", "services": services})


@pytest.fixture(scope="module")
def address(kubectl: Callable[..., str]) -> Iterator[str]:
    """Address of a server outside the mesh; its callers run, each with a sidecar and once more without."""
    pods = json.loads(kubectl("get", "pods", "-n", "shop", "-l", "app=user-service", "-o", "json"))["items"]
    image = next(one["image"] for one in pods[0]["spec"]["containers"] if one["name"] == "user-service")
    labels = json.loads(kubectl("get", "namespace", "shop", "-o", "json"))["metadata"]["labels"]
    kept = {name: value for name, value in labels.items() if not name.startswith(("app.", "kubernetes.io/metadata"))}
    unmeshed = {name: value for name, value in kept.items() if not name.startswith("istio")}

    def pod(name: str, namespace: str, command: list[str], own: dict[str, str]) -> dict[str, Any]:
        confined = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": {"e2e": "external", **own}},
            "spec": {
                "securityContext": pods[0]["spec"]["securityContext"],
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "main", "image": image, "command": command, "securityContext": confined}],
            },
        }

    idle = ["sleep", "3600"]
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE, "labels": kept}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ELSEWHERE, "labels": unmeshed}},
        pod("server", ELSEWHERE, ["python", "-c", SERVE], {}),
        *(pod(name, SPACE, idle, {NAME: name}) for name in ("declared", "undeclared")),
        *(pod(f"{name}-bare", SPACE, idle, {NAME: name, **OUTSIDE}) for name in ("declared", "undeclared")),
    ]
    try:
        kubectl("apply", "-f", "-", input=as_list(items))
        for namespace in (SPACE, ELSEWHERE):
            kubectl("wait", "-n", namespace, "pod", "--all", "--for=condition=Ready", "--timeout=180s")
        yield kubectl("get", "pod", "-n", ELSEWHERE, "server", "-o", "jsonpath={.status.podIP}")
    finally:
        kubectl("delete", "namespace", SPACE, ELSEWHERE, "--ignore-not-found", "--wait=false")


def apply(kubectl: Callable[..., str], items: list[dict[str, Any]]) -> None:
    kubectl("apply", "-f", "-", input=as_list(items))


def get(kubectl: Callable[..., str], caller: str, address: str, port: int = PLAIN) -> str:
    words = ("exec", caller, "-c", "main", "--", "python", "-c", GET, address, str(port))
    return kubectl("-n", SPACE, *words).strip()


def connects(kubectl: Callable[..., str], caller: str, address: str) -> str:
    words = ("exec", f"{caller}-bare", "--", "python", "-c", CONNECT, json.dumps({"server": (address, PLAIN)}))
    answers: dict[str, str] = json.loads(kubectl("-n", SPACE, *words))
    return answers["server"]


def wait_for(found: Callable[[], str], wanted: str) -> None:
    end = time.monotonic() + 60
    while (answer := found()) != wanted:
        assert time.monotonic() < end, answer
        time.sleep(0.5)


def test_the_mesh_lets_the_declared_caller_out_and_no_other(kubectl: Callable[..., str], address: str) -> None:
    assert get(kubectl, "declared", address) != "outside", "unknown to the mesh until it is declared"
    apply(kubectl, egress_manifests(declared_egress(catalog(address), SPACE), SPACE))
    wait_for(lambda: get(kubectl, "declared", address), "outside")

    def refused() -> str:
        answer = get(kubectl, "undeclared", address)
        return "refused" if answer.startswith(("HTTP 502", "closed")) else answer

    wait_for(refused, "refused")


def test_the_proxy_adds_tls_where_it_is_asked_to(kubectl: Callable[..., str], address: str) -> None:
    apply(kubectl, egress_manifests(declared_egress(catalog(address), SPACE), SPACE))
    end = time.monotonic() + 60
    handshake = 22  # content type of the first record of TLS
    while f"first byte {handshake}" not in kubectl("logs", "-n", ELSEWHERE, "server"):
        assert time.monotonic() < end
        answer = get(kubectl, "declared", address, SECURED)
        assert answer.startswith(("HTTP 5", "closed")), "the server closes the connection after the greeting"


def test_the_network_lets_the_declared_caller_out_and_no_other(kubectl: Callable[..., str], address: str) -> None:
    binding = istio_binding(IstioSettings())
    connections = (
        *dns_connections([SPACE]),
        *mesh_connections(binding, [SPACE]),
        *declared_connections(catalog(address), SPACE),
    )
    assert connects(kubectl, "undeclared", address) == "open"
    apply(kubectl, network_policies(SPACE, connections))
    wait_for(lambda: connects(kubectl, "undeclared", address), "refused")
    wait_for(lambda: connects(kubectl, "declared", address), "open")
    apply(kubectl, egress_manifests(declared_egress(catalog(address), SPACE), SPACE))
    wait_for(lambda: get(kubectl, "declared", address), "outside")
