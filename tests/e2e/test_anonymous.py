"""Anonymous requests to the node's ports are refused, from this machine and from a pod."""

from __future__ import annotations

import json
import secrets
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from otel_mesh_embedded.node.layout import (
    API_PORT,
    API_SERVICE_ADDRESS,
    CONTROLLER_MANAGER_PORT,
    ETCD_CLIENT_PORT,
    ETCD_PEER_PORT,
    KUBELET_PORT,
    LISTENERS,
    LOOPBACK,
    NODE_ADDRESS,
    PROXY_HEALTH_PORT,
    PROXY_METRICS_PORT,
    SCHEDULER_PORT,
    layout,
)
from otel_mesh_embedded.pki import credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import CompletedProcess

pytestmark = pytest.mark.e2e

ASKING_WHO = (API_PORT, KUBELET_PORT, CONTROLLER_MANAGER_PORT, SCHEDULER_PORT)
ASKING_FOR_A_CERTIFICATE = (ETCD_CLIENT_PORT, ETCD_PEER_PORT)
HEALTH_ONLY = (PROXY_HEALTH_PORT, PROXY_METRICS_PORT)
"""Ports of kube-proxy, which has no authentication: they listen on loopback and are read-only."""
PATHS = ("/", "/livez", "/healthz", "/readyz", "/metrics", "/version", "/configz", "/api/v1/secrets", "/pods")

_FROM_A_POD = """
import json, ssl, sys, urllib.error, urllib.request
context = ssl._create_unverified_context()
told = {}
for url in sys.argv[1:]:
    try:
        told[url] = urllib.request.urlopen(url, context=context, timeout=10).status
    except urllib.error.HTTPError as error:
        told[url] = error.code
    except OSError as error:
        told[url] = type(error).__name__
print(json.dumps(told))
"""


def anonymous(port: int, path: str) -> int | str:
    """Response of a port of the node to a client without credentials: a status, or the kind of error."""
    address = next(str(address) for address, number, _ in LISTENERS if number == port)
    context = ssl._create_unverified_context()  # noqa: S323, SLF001 -- the server's certificate is not under test
    try:
        with urllib.request.urlopen(f"https://{address}:{port}{path}", context=context, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return type(error).__name__


def test_every_port_of_the_node_is_covered() -> None:
    assert {port for _, port, _ in LISTENERS} == {*ASKING_WHO, *ASKING_FOR_A_CERTIFICATE, *HEALTH_ONLY}


@pytest.mark.parametrize("port", ASKING_WHO)
def test_a_port_refuses_anonymous_clients(port: int) -> None:
    answers = {path: anonymous(port, path) for path in PATHS}
    # 404: kubelet has nothing at that path for any client
    assert set(answers.values()) <= {401, 403, 404}, answers
    assert {401, 403} & {answers["/metrics"]}, answers


@pytest.mark.parametrize("port", ASKING_FOR_A_CERTIFICATE)
def test_etcd_refuses_a_connection_without_a_certificate_of_its_own_authority(port: int) -> None:
    assert isinstance(anonymous(port, "/version"), str)
    context = ssl.create_default_context(cafile=credentials.authority(layout(), credentials.ETCD))
    leaf = credentials.ADMIN  # the cluster's administrator is unknown to etcd
    context.load_cert_chain(credentials.certificate(layout(), leaf), credentials.key(layout(), leaf))
    with pytest.raises(OSError, match=r"alert|reset|EOF"):
        urllib.request.urlopen(f"https://{LOOPBACK}:{port}/version", context=context, timeout=30)


def test_kube_proxy_serves_health_and_metrics_only() -> None:
    for port in HEALTH_ONLY:
        for path in ("/debug/pprof/", "/debug/flags/v", "/statusz"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=30)
        order = urllib.request.Request(f"http://{LOOPBACK}:{port}/debug/flags/v", data=b"9", method="PUT")
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(order, timeout=30)  # noqa: S310


@pytest.fixture
def stranger(kubectl: Callable[..., str]) -> Iterator[str]:
    """A pod outside the mesh, since a sidecar would restrict it further."""
    image = kubectl(
        "get", "-n", "shop", "deploy/user-service", "-o", "jsonpath={.spec.template.spec.containers[0].image}"
    )
    name = f"stranger-{secrets.token_hex(3)}"
    try:
        kubectl("run", "-n", "default", name, f"--image={image}", "--restart=Never", "--command", "--", "sleep", "600")
        kubectl("wait", "-n", "default", f"pod/{name}", "--for=condition=Ready", "--timeout=180s")
        yield name
    finally:
        kubectl("delete", "pod", "-n", "default", name, "--ignore-not-found", "--grace-period=0", "--force")


def test_a_pod_without_a_token_reaches_no_node_component(kubectl: Callable[..., str], stranger: str) -> None:
    urls = [f"https://{NODE_ADDRESS}:{port}/metrics" for _, port, _ in LISTENERS]
    urls.append(f"https://{API_SERVICE_ADDRESS}:443/version")
    command = ("python3", "-c", _FROM_A_POD, *urls)
    told = json.loads(kubectl("exec", "-n", "default", stranger, "--", *command))
    for url, answer in told.items():
        on_bridge = f":{API_PORT}/" in url or f":{KUBELET_PORT}/" in url or str(API_SERVICE_ADDRESS) in url
        assert answer == 401 if on_bridge else isinstance(answer, str), (url, answer)
    assert [url for url, answer in told.items() if answer == 401]


def test_no_rbac_rule_grants_anonymous_access(kubectl: Callable[..., str]) -> None:
    kinds = "clusterrolebindings,rolebindings"
    bindings = json.loads(kubectl("get", kinds, "-A", "-o", "json"))["items"]
    subjects = {subject["name"] for binding in bindings for subject in binding.get("subjects", [])}
    assert "system:authenticated" in subjects
    assert not subjects & {"system:unauthenticated", "system:anonymous"}


def test_an_authenticated_client_gets_an_answer(run: Callable[..., CompletedProcess[str]]) -> None:
    """Guards the other tests, which would pass on closed ports."""
    assert run("kubectl", "get", "--raw", "/readyz").stdout == "ok"
    assert "v1" in run("kubectl", "get", "--raw", "/api/v1/nodes/otel-mesh-local/proxy/pods").stdout
    assert anonymous(ETCD_CLIENT_PORT, "/version") != "ConnectionRefusedError"
