"""B3 on the real node: NetworkPolicies alone refuse every undeclared connection, and the mesh alone does where it can.

The network is asked by pods without a sidecar that carry the labels of a workload, so that no proxy refuses first; the
mesh is asked with NetworkPolicies out of the way.
"""

from __future__ import annotations

import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_mesh_stack.services import CATALOG
from tests.e2e.cluster_objects import as_list
from tests.e2e.open_network import open_network
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

SERVICES, OBSERVABILITY = "shop", "observability"
FOREIGN: Final = f"network-{secrets.token_hex(3)}"
NAME: Final = "app.kubernetes.io/name"
INSTANCE: Final = "app.kubernetes.io/instance"
_AT_ONCE: Final = 4
"""Callers asked at once; each waits for the node to know its pod."""
OUTSIDE: Final = {"sidecar.istio.io/inject": "false"}

CALLEES: Final = {
    **{one.name: (f"{one.name}.shop.svc.cluster.local", one.port) for one in CATALOG.services},
    **{one.name: (f"{one.name}.shop.svc.cluster.local", one.port) for one in CATALOG.stores},
    "otel-collector": ("otel-collector.observability.svc.cluster.local", 4317),
    "jaeger": ("jaeger.observability.svc.cluster.local", 4317),
    "jaeger-query": ("jaeger.observability.svc.cluster.local", 16686),
    "prometheus": ("prometheus.observability.svc.cluster.local", 9090),
    "victoria-logs": ("victoria-logs.observability.svc.cluster.local", 9428),
    "alertmanager": ("alertmanager.observability.svc.cluster.local", 9093),
    "gateway": ("ingress.istio-ingress.svc.cluster.local", 80),
    "api-server": ("kubernetes.default.svc.cluster.local", 443),
}
_DECLARED: Final = {(edge.caller, edge.callee) for edge in CATALOG.edges()}
ALLOWED: Final[dict[str, set[str]]] = {
    **{
        one.name: {callee for caller, callee in _DECLARED if caller == one.name} | {"otel-collector"}
        for one in CATALOG.services
    },
    **{one.name: set() for one in CATALOG.stores},
    "otel-collector": {"jaeger", "prometheus", "victoria-logs", "api-server"},
    "prometheus": {"victoria-logs", "alertmanager", "api-server"},
    "jaeger": set(),
    "victoria-logs": set(),
    "alertmanager": set(),
    "postgres-backup": {"postgres", "otel-collector"},
    # Pods of other namespaces may leave theirs; the entrance is open to all, and the API server to who has a token.
    "foreign": {"gateway", "api-server"},
    # The mesh decides by identity whose telemetry the Collector takes.
    "foreign, meshed": {"gateway", "api-server", "otel-collector"},
}
"""Connections that NetworkPolicies allow, by caller; between pods of one workload kube-router, which does not tell the
directions of a policy apart, allows either's."""

CONNECT: Final = """
import json, socket, sys
def answer(host, port):
    try:
        with socket.create_connection((host, port), 3):
            return "open"
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        return type(error).__name__
print(json.dumps({name: answer(*place) for name, place in json.loads(sys.argv[1]).items()}))
"""
ASK: Final = """
import json, sys, urllib.error, urllib.request
def answer(host, port):
    try:
        return f"HTTP {urllib.request.urlopen(f'http://{host}:{port}/', timeout=10).status}"
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except OSError as error:
        return f"closed: {error}"
print(json.dumps({name: answer(*place) for name, place in json.loads(sys.argv[1]).items()}))
"""


def namespace_of(caller: str) -> str:
    if caller.startswith("foreign"):
        return f"{FOREIGN}-meshed" if caller.endswith("meshed") else FOREIGN
    known = {one.name for one in CATALOG.services} | {one.name for one in CATALOG.stores} | {"postgres-backup"}
    return SERVICES if caller in known else OBSERVABILITY


def selecting(caller: str) -> str:
    """Label by which NetworkPolicies select a workload; without its other label no Service has the pod as endpoint."""
    return NAME if any(one.name == caller for one in CATALOG.services) else INSTANCE


def pod_name(caller: str) -> str:
    return f"e2e-{caller.replace(', ', '-')}"


@pytest.fixture(scope="module")
def callers(kubectl: Callable[..., str]) -> Iterator[None]:
    """A pod without a sidecar for each caller, with the label that its NetworkPolicies select."""
    pods = json.loads(kubectl("get", "pods", "-n", SERVICES, "-l", "app=user-service", "-o", "json"))["items"]
    image = next(one["image"] for one in pods[0]["spec"]["containers"] if one["name"] == "user-service")
    labels = json.loads(kubectl("get", "namespace", SERVICES, "-o", "json"))["metadata"]["labels"]
    kept = {name: value for name, value in labels.items() if not name.startswith(("app.", "kubernetes.io/metadata"))}
    unmeshed = {name: value for name, value in kept.items() if not name.startswith("istio")}
    items: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FOREIGN, "labels": unmeshed}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{FOREIGN}-meshed", "labels": kept}},
    ]
    container = {
        "name": "caller",
        "image": image,
        "command": ["sleep", "3600"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    items += [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": pod_name(caller),
                "namespace": namespace_of(caller),
                "labels": {selecting(caller): caller.replace(", ", "-"), "e2e": "network", **OUTSIDE},
            },
            "spec": {
                "securityContext": pods[0]["spec"]["securityContext"],
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 0,
                "containers": [container],
            },
        }
        for caller in ALLOWED
    ]
    spaces = sorted({namespace_of(caller) for caller in ALLOWED})
    try:
        kubectl("apply", "-f", "-", input=as_list(items))
        for namespace in spaces:
            kubectl("wait", "-n", namespace, "pod", "-l", "e2e=network", "--for=condition=Ready", "--timeout=180s")
        yield
    finally:
        for namespace in (SERVICES, OBSERVABILITY):
            kubectl("delete", "pod", "-n", namespace, "-l", "e2e=network", "--ignore-not-found", "--wait=false")
        kubectl("delete", "namespace", FOREIGN, f"{FOREIGN}-meshed", "--ignore-not-found", "--wait=false")


def connects(kubectl: Callable[..., str], caller: str) -> dict[str, str]:
    """Answer of each callee to a connection by a caller's pod without a sidecar."""
    words = ("exec", pod_name(caller), "--", "python", "-c", CONNECT, json.dumps(CALLEES))
    found: dict[str, str] = json.loads(kubectl("-n", namespace_of(caller), *words))
    return found


def wanted(caller: str) -> dict[str, str]:
    return {name: "open" if name in ALLOWED[caller] else "refused" for name in CALLEES}


def settled(kubectl: Callable[..., str], caller: str) -> dict[str, str]:
    """Answers once they are the wanted ones, or after a while: the node learns of new pods a moment after they run."""
    end = time.monotonic() + 90
    others = wanted(caller).keys() - {caller}
    while time.monotonic() < end:
        found = connects(kubectl, caller)
        if all(found[name] == wanted(caller)[name] for name in others):
            break
        time.sleep(0.5)
    return found


@pytest.mark.usefixtures("callers")
def test_b3_network_policies_alone_allow_the_declared_connections_only(
    kubectl: Callable[..., str], record_property: Callable[[str, str], None]
) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(zip(ALLOWED, pool.map(partial(settled, kubectl), ALLOWED), strict=True))
    record_property("table", table(found))
    differing = {
        (caller, name): answer
        for caller, answers in found.items()
        for name, answer in answers.items()
        if answer != wanted(caller)[name] and name != caller
    }
    assert differing == {}
    refused = sum(answer == "refused" for answers in found.values() for answer in answers.values())
    assert refused > len(_DECLARED)


@pytest.mark.usefixtures("callers")
def test_b3_the_mesh_alone_keeps_services_from_what_is_outside_it(
    kubectl: Callable[..., str], record_property: Callable[[str, str], None]
) -> None:
    """Backends and API server have no sidecar that could refuse: the callers' own proxies do not know them.

    Calls between services, refused by the callee's proxy, are in test_access.py.
    """
    outside = {name: CALLEES[name] for name in ("jaeger-query", "prometheus", "victoria-logs", "api-server", "gateway")}
    caller = "api-gateway"

    def is_open() -> bool:
        return connects(kubectl, caller)["prometheus"] == "open"

    def ask(workload: str, container: str) -> dict[str, str]:
        words = ("exec", workload, "-c", container, "--", "python", "-c", ASK, json.dumps(outside))
        answers: dict[str, str] = json.loads(kubectl("-n", SERVICES, *words))
        return answers

    with open_network(kubectl, is_open):
        found = {one.name: ask(f"deploy/{one.name}", one.name) for one in CATALOG.services}
    record_property("table", table(found))
    for answers in found.values():
        assert all(answer == "HTTP 502" or answer.startswith("closed") for answer in answers.values()), found

    def logged() -> bool:
        lines = kubectl("-n", SERVICES, "logs", f"deploy/{caller}", "-c", "istio-proxy", "--since=5m")
        return "BlackHoleCluster" in lines

    wait_for(logged, lambda: "the proxy's access log does not say that it refused", patience_s=60, every_s=0.5)


def test_the_api_server_s_proxy_reaches_the_backends(kubectl: Callable[..., str]) -> None:
    """As `otel-mesh errors --context` asks them."""
    answer = kubectl("get", "--raw", "/api/v1/namespaces/observability/services/prometheus:9090/proxy/-/healthy")
    assert "Healthy" in answer


def table(found: dict[str, dict[str, str]]) -> str:
    """Callers in rows, callees in columns."""
    width = max(map(len, found))
    columns = [max(len(name), 8) for name in CALLEES if any(name in answers for answers in found.values())]
    names = [name for name in CALLEES if any(name in answers for answers in found.values())]
    head = " ".join([" " * width, *(name.rjust(size) for name, size in zip(names, columns, strict=True))])
    rows = [
        " ".join(
            [
                caller.ljust(width),
                *(answers.get(name, "").rjust(size)[:size] for name, size in zip(names, columns, strict=True)),
            ]
        )
        for caller, answers in found.items()
    ]
    return "\n".join([head, *rows])
