"""B3 on real sidecars of either mesh: declared calls work, all other calls between workloads are refused.

The mesh alone: NetworkPolicies, which would refuse before any proxy is asked, allow everything meanwhile.
"""

from __future__ import annotations

import json
import secrets
import time
from itertools import product
from typing import TYPE_CHECKING, Final

import pytest

from otel_mesh import Caller, CollectorIdentity, TelemetrySendersArgs
from otel_mesh.mesh.control.telemetry_access import telemetry_senders_manifests
from otel_mesh_cli.smoke.request import UNSAMPLED
from otel_mesh_stack.services import CATALOG
from tests.e2e.open_network import open_network
from tests.e2e.stack_binding import namespace_like, stack_binding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

SERVICES: Final = "shop"
FOREIGN: Final = f"foreign-{secrets.token_hex(3)}"
"""A namespace of its own for each run: that of the run before may still be on its way out."""
HOST: Final = "{}.shop.svc.cluster.local"

# Run in a caller's container; unsampled, so that no undeclared call is on the service map for later tests.
# Each answer is "served" or "refused"; anything else fails the test with what it was.
CALLS: Final = """
import json, socket, sys, urllib.error, urllib.request

UNSAMPLED = json.loads(sys.argv[2])

def http(host, port):
    request = urllib.request.Request(f"http://{host}:{port}/livez", headers=UNSAMPLED)
    try:
        return "served" if urllib.request.urlopen(request, timeout=10).status == 200 else "?"
    except urllib.error.HTTPError as error:
        by_proxy = b"RBAC" in error.read() or "l5d-proxy-error" in error.headers
        return "refused" if error.code == 403 and by_proxy else f"HTTP {error.code}"

def grpc(host, port):
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        try:
            stub, asked = health_pb2_grpc.HealthStub(channel), health_pb2.HealthCheckRequest(service="liveness")
            stub.Check(asked, timeout=10, metadata=tuple(UNSAMPLED.items()))
            return "served"
        except grpc.RpcError as error:
            return "refused" if error.code() is grpc.StatusCode.PERMISSION_DENIED else str(error.code())

def tcp(host, port, greeting):
    with socket.create_connection((host, port), 10) as connection:
        connection.settimeout(10)
        connection.sendall(greeting)
        try:
            return "served" if connection.recv(1) else "refused"
        except ConnectionResetError:
            return "refused"

SPEAK = {
    "http": http,
    "grpc": grpc,
    "postgresql": lambda host, port: tcp(host, port, bytes.fromhex("0000000804d2162f")),  # SSLRequest
    "redis": lambda host, port: tcp(host, port, b"PING\\r\\n"),
}
print(json.dumps({name: SPEAK[protocol](host, port) for name, host, port, protocol in json.loads(sys.argv[1])}))
"""


@pytest.fixture(scope="module", autouse=True)
def mesh_alone(kubectl: Callable[..., str]) -> Iterator[None]:
    def is_open() -> bool:
        return answers(kubectl, SERVICES, "deploy/user-service", "user-service")["payment-service"] == "refused"

    with open_network(kubectl, is_open):
        yield


def callees() -> dict[str, tuple[str, int, str]]:
    """Host, port and protocol of each service and store by name."""
    found = {one.name: (HOST.format(one.name), one.port, str(one.protocol)) for one in CATALOG.services}
    return found | {one.name: (HOST.format(one.name), one.port, str(one.system)) for one in CATALOG.stores}


def answers(kubectl: Callable[..., str], namespace: str, workload: str, container: str) -> dict[str, str]:
    """Answer of each service and store to a caller."""
    wanted = [(name, *place) for name, place in callees().items() if name != workload.removeprefix("deploy/")]
    words = ("exec", workload, "-c", container, "--", "python", "-c", CALLS, json.dumps(wanted), json.dumps(UNSAMPLED))
    found: dict[str, str] = json.loads(kubectl("-n", namespace, *words))
    return found


@pytest.mark.parametrize("caller", [one.name for one in CATALOG.services])
def test_b3_a_service_reaches_its_declared_callees_only(kubectl: Callable[..., str], caller: str) -> None:
    declared = {edge.callee for edge in CATALOG.edges() if edge.caller == caller}
    found = answers(kubectl, SERVICES, f"deploy/{caller}", caller)
    assert found == {name: "served" if name in declared else "refused" for name in found}
    assert len(found) == len(callees()) - 1


@pytest.fixture(scope="module")
def stranger(kubectl: Callable[..., str]) -> Iterator[str]:
    """A workload of another namespace in the mesh, of which the catalog knows nothing."""
    pods = json.loads(kubectl("get", "pods", "-n", SERVICES, "-l", "app=user-service", "-o", "json"))["items"]
    image = next(one["image"] for one in pods[0]["spec"]["containers"] if one["name"] == "user-service")
    container = {
        "name": "stranger",
        "image": image,
        "command": ["sleep", "3600"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    template = {
        "metadata": {"labels": {"app": "stranger"}},
        "spec": {
            "securityContext": pods[0]["spec"]["securityContext"],
            "automountServiceAccountToken": False,
            "containers": [container],
        },
    }
    objects = [
        namespace_like(kubectl, SERVICES, FOREIGN),
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "stranger", "namespace": FOREIGN},
            "spec": {"selector": {"matchLabels": {"app": "stranger"}}, "template": template},
        },
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    try:
        kubectl("apply", "-f", "-", input=text)
        kubectl("-n", FOREIGN, "rollout", "status", "deploy/stranger", "--timeout=120s")
        yield "deploy/stranger"
    finally:
        kubectl("delete", "namespace", FOREIGN, "--ignore-not-found", "--wait=false")


def test_b3_a_workload_of_another_namespace_reaches_nothing(kubectl: Callable[..., str], stranger: str) -> None:
    found = answers(kubectl, FOREIGN, stranger, "stranger")
    assert found == dict.fromkeys(callees(), "refused")


SEND: Final = """
import sys, urllib.error, urllib.request
headers = {"content-type": "application/json"}
url = "http://otel-collector.observability.svc.cluster.local:4318/v1/traces"
try:
    print(urllib.request.urlopen(urllib.request.Request(url, data=b"{}", headers=headers), timeout=10).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


def test_c2_a_team_s_workload_sends_telemetry_once_its_own_stack_says_so(
    kubectl: Callable[..., str], stranger: str
) -> None:
    def status() -> str:
        return kubectl("-n", FOREIGN, "exec", stranger, "-c", "stranger", "--", "python", "-c", SEND).strip()

    def wait_for(wanted: str) -> None:
        end = time.monotonic() + 60
        while (found := status()) != wanted:
            assert time.monotonic() < end, found

    wait_for("403")
    collector = CollectorIdentity(namespace="observability", service_account="otel-collector")
    binding = stack_binding(collector)
    senders = (Caller(namespace=FOREIGN, service_account="default"),)
    policies = telemetry_senders_manifests(FOREIGN, TelemetrySendersArgs(mesh=binding, senders=senders))
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": policies})
    try:
        kubectl("apply", "-f", "-", input=text)
        wait_for("200")
    finally:
        kubectl("delete", "-f", "-", "--ignore-not-found", input=text)
    wait_for("403")


def test_b3_the_pairs_cover_the_catalog() -> None:
    """Among four services and two stores, most pairs are undeclared: the tests above refuse more than they allow."""
    pairs = {(one.name, name) for one, name in product(CATALOG.services, callees()) if one.name != name}
    declared = {(edge.caller, edge.callee) for edge in CATALOG.edges()}
    assert declared < pairs
    assert len(pairs - declared) > len(declared)
