"""B3 on real sidecars of either mesh: declared calls work, all other calls between workloads are refused.

The mesh alone: NetworkPolicies, which would refuse before any proxy is asked, allow everything meanwhile.
"""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest

from otel_mesh import Caller, CollectorIdentity, TelemetrySendersArgs
from otel_mesh.mesh.control.telemetry_access import telemetry_senders_manifests
from otel_mesh_cli.smoke.request import UNSAMPLED
from otel_mesh_cli.stacks import local_stack
from otel_mesh_stack.services import CATALOG
from tests.e2e.bare_pod import bare_pod, connects
from tests.e2e.cluster_objects import as_list
from tests.e2e.open_network import open_network
from tests.e2e.stack_binding import namespace_like, stack_binding
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from otel_mesh import Edge

pytestmark = pytest.mark.e2e

SERVICES: Final = "shop"
FOREIGN: Final = f"foreign-{secrets.token_hex(3)}"
"""A namespace of its own for each run: that of the run before may still be on its way out."""
HOST: Final = "{}.shop.svc.cluster.local"

OPEN: Final = {one.name for one in CATALOG.services if one.exposed and local_stack.settings().mesh.entrances}
"""Services that accept everybody, where a mesh has no gateway and the stack's file opens them to networks."""

# Run in a caller's container; unsampled, so that no undeclared call is on the service map for later tests.
# Each answer is "served" or "refused"; anything else fails the test with what it was. Requests without a body are
# answered by the services themselves, with a problem (RFC 9457) or a status of gRPC.
CALLS: Final = """
import json, socket, sys, urllib.error, urllib.request

UNSAMPLED = json.loads(sys.argv[2])

def http(host, port, request):
    method, path = request
    asked = urllib.request.Request(f"http://{host}:{port}{path}", headers=UNSAMPLED, method=method)
    try:
        return "served" if urllib.request.urlopen(asked, timeout=10).status == 200 else "?"
    except urllib.error.HTTPError as error:
        if error.headers.get("content-type") == "application/problem+json":
            return "served"
        said = error.read()  # Linkerd's proxy says nothing, a service would send a problem
        by_proxy = b"RBAC" in said or not said
        return "refused" if error.code == 403 and by_proxy else f"HTTP {error.code}"

def grpc(host, port, request):
    import grpc
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        call = channel.unary_unary(request[1])
        try:
            call(b"", timeout=10, metadata=tuple(UNSAMPLED.items()))
            return "served"
        except grpc.RpcError as error:
            served = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED}
            if error.code() in served:
                return "served"
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
    "postgresql": lambda host, port, _: tcp(host, port, bytes.fromhex("0000000804d2162f")),  # SSLRequest
    "redis": lambda host, port, _: tcp(host, port, b"PING\\r\\n"),
}
wanted = json.loads(sys.argv[1])
print(json.dumps({name: SPEAK[protocol](host, port, request) for name, host, port, protocol, request in wanted}))
"""


@pytest.fixture(scope="module", autouse=True)
def mesh_alone(kubectl: Callable[..., str]) -> Iterator[None]:
    host, port, _ = callees()["payment-service"]
    with bare_pod(kubectl) as pod, open_network(kubectl, lambda: connects(kubectl, pod, host, port)):
        yield


Request: TypeAlias = tuple[str, str]
"""Method and path of a request."""
UNKNOWN: Final[dict[str, Request]] = {
    "http": ("GET", "/undeclared"),
    "grpc": ("POST", "/shop.user.v1.UserService/Undeclared"),
}
"""Requests that no service knows; Linkerd lets everybody send those of the kubelet's probes."""


def callees() -> dict[str, tuple[str, int, str]]:
    """Host, port and protocol of each service and store by name."""
    found = {one.name: (HOST.format(one.name), one.port, str(one.protocol)) for one in CATALOG.services}
    return found | {one.name: (HOST.format(one.name), one.port, str(one.system)) for one in CATALOG.stores}


def declared_requests(edge: Edge) -> list[Request]:
    """Requests that a call may be; one of any kind if all may."""
    routes: list[Request] = [(method, one.http_path) for one in edge.routes for method in one.http_methods]
    return routes or [UNKNOWN.get(edge.protocol, ("", ""))]


def request_to(callee: str) -> Request:
    """A request that some caller may send."""
    declared = next((one for edge in CATALOG.edges() if edge.callee == callee for one in declared_requests(edge)), None)
    return declared or UNKNOWN["http"]


def asked(kubectl: Callable[..., str], namespace: str, workload: str, container: str, wanted: Sequence[object]) -> Any:  # noqa: ANN401 - JSON
    """Answers to a container's requests, by name."""
    words = ("exec", workload, "-c", container, "--", "python", "-c", CALLS, json.dumps(wanted), json.dumps(UNSAMPLED))
    return json.loads(kubectl("-n", namespace, *words))


def answers(kubectl: Callable[..., str], namespace: str, workload: str, container: str) -> dict[str, str]:
    """Answer of each service and store to a caller."""
    own = workload.removeprefix("deploy/")
    wanted = [(name, *place, request_to(name)) for name, place in callees().items() if name != own]
    found: dict[str, str] = asked(kubectl, namespace, workload, container, wanted)
    return found


@pytest.mark.parametrize("caller", [one.name for one in CATALOG.services])
def test_b3_a_service_reaches_its_declared_callees_only(kubectl: Callable[..., str], caller: str) -> None:
    declared = {edge.callee for edge in CATALOG.edges() if edge.caller == caller} | OPEN
    found = answers(kubectl, SERVICES, f"deploy/{caller}", caller)
    assert found == {name: "served" if name in declared else "refused" for name in found}
    assert len(found) == len(callees()) - 1


ROUTED: Final = tuple(edge for edge in CATALOG.edges() if edge.routes)
"""Calls of which the catalog names the requests."""
UNDECLARED: Final[dict[str, tuple[Request, ...]]] = {
    "http": (("GET", "/livez"), ("GET", "/payments/1"), ("GET", "/orders/1"), ("POST", "/"), ("DELETE", "/orders")),
    "grpc": (("POST", "/grpc.health.v1.Health/Check"), ("POST", "/shop.user.v1.UserService/ListUsers")),
}
"""Requests that no service sends to another; most of them would be answered."""
IS_LINKERD: Final = local_stack.settings().mesh.kind == "linkerd"
PROBED: Final = {"GET /livez", "POST /grpc.health.v1.Health/Check"} if IS_LINKERD else set[str]()
"""Requests of the kubelet's probes, which Linkerd's proxies let everybody send; Istio's agent takes them over."""


@pytest.mark.parametrize("edge", ROUTED, ids=lambda edge: f"{edge.caller}-{edge.callee}")
def test_b3_a_declared_caller_sends_its_declared_requests_only(
    kubectl: Callable[..., str], edge: Edge, record_property: Callable[[str, str], None]
) -> None:
    """Refused by the callee's proxy; Istio's writes it into its access log."""
    since = datetime.now(tz=UTC).isoformat(timespec="seconds")
    place = callees()[edge.callee]
    declared = [" ".join(one) for one in declared_requests(edge)]
    requests = {" ".join(one): one for one in (*declared_requests(edge), *UNDECLARED[edge.protocol])}
    wanted = [(name, *place, request) for name, request in requests.items()]
    found = asked(kubectl, SERVICES, f"deploy/{edge.caller}", edge.caller, wanted)
    record_property("table", "\n".join(f"{edge.caller} -> {edge.callee}  {one}  {found[one]}" for one in requests))
    assert found == {name: "served" if name in {*declared, *PROBED} else "refused" for name in requests}
    if IS_LINKERD:
        return

    def logged() -> set[str]:
        words = ("logs", f"--selector=app.kubernetes.io/name={edge.callee}", "-c", "istio-proxy", "--tail=-1")
        lines = kubectl("-n", SERVICES, *words, f"--since-time={since}").splitlines()
        entries = [json.loads(line) for line in lines if line.startswith("{")]
        return {
            f"{one['method']} {one['path']}"
            for one in entries
            if "rbac_access_denied" in str(one.get("response_code_details"))
        }

    wait_for(lambda: logged() >= requests.keys() - set(declared), logged, every_s=1)


def test_b3_the_catalog_names_the_requests_of_every_call_between_services() -> None:
    between = {(edge.caller, edge.callee) for edge in CATALOG.edges() if edge.protocol in UNKNOWN}
    assert between == {(edge.caller, edge.callee) for edge in ROUTED}


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
    text = as_list(objects)
    try:
        kubectl("apply", "-f", "-", input=text)
        kubectl("-n", FOREIGN, "rollout", "status", "deploy/stranger", "--timeout=180s")
        yield "deploy/stranger"
    finally:
        kubectl("delete", "namespace", FOREIGN, "--ignore-not-found", "--wait=false")


def test_b3_a_workload_of_another_namespace_reaches_nothing(kubectl: Callable[..., str], stranger: str) -> None:
    found = answers(kubectl, FOREIGN, stranger, "stranger")
    assert found == {name: "served" if name in OPEN else "refused" for name in callees()}


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

    wait_for(lambda: status() == "403", status, patience_s=60)
    collector = CollectorIdentity(namespace="observability", service_account="otel-collector")
    binding = stack_binding(collector)
    senders = (Caller(namespace=FOREIGN, service_account="default"),)
    policies = telemetry_senders_manifests(FOREIGN, TelemetrySendersArgs(mesh=binding, senders=senders))
    text = as_list(policies)
    try:
        kubectl("apply", "-f", "-", input=text)
        wait_for(lambda: status() == "200", status, patience_s=60)
    finally:
        kubectl("delete", "-f", "-", "--ignore-not-found", input=text)
    wait_for(lambda: status() == "403", status, patience_s=60)


def test_b3_the_pairs_cover_the_catalog() -> None:
    """Among four services and two stores, most pairs are undeclared: the tests above refuse more than they allow."""
    pairs = {(one.name, name) for one, name in product(CATALOG.services, callees()) if one.name != name}
    declared = {(edge.caller, edge.callee) for edge in CATALOG.edges()}
    assert declared < pairs
    assert len(pairs - declared) > len(declared)
