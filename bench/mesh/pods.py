"""A client and a server pod: outside the mesh, in the mesh, and in the mesh with enforced policies."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from bench.mesh.policies import policies
from otel_mesh.k8s import pod_security
from otel_mesh_cli.smoke.request import UNSAMPLED as CONTEXT
from otel_mesh_cli.stacks import local_stack
from otel_mesh_embedded.environment import env
from otel_mesh_embedded.node.machine import cgroups
from tests.e2e.stack_binding import namespace_like, stack_binding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PORT: Final = 8080
MESHED: Final = "bench-meshed"
PLAIN: Final = "bench-plain"
GUARDED: Final = "bench-guarded"
NAMESPACES: Final = (PLAIN, MESHED, GUARDED)
NAME: Final = "app.kubernetes.io/name"
ENFORCED_S: Final = 60.0
"""Seconds within which the policies must be in force."""
_REQUEST: Final = f"""
import urllib.error, urllib.request
request = urllib.request.Request("http://server.{GUARDED}:{PORT}/undeclared", headers={CONTEXT!r})
try:
    print(urllib.request.urlopen(request, timeout=10).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""
_CONNECTION: Final = f"""
import socket
try:
    socket.create_connection(("server.{GUARDED}", {PORT}), 3)
    print("open")
except OSError:
    print("refused")
"""
_SERVER: Final = Path(__file__).with_name("server.py").read_text()
_CLIENT: Final = Path(__file__).with_name("client.py").read_text()


def kubectl(*words: str, text: str | None = None) -> str:
    """The output of kubectl for the running environment.

    Raises:
        SystemExit: The command failed; the message is that of kubectl.
    """
    program = subprocess.run(
        ["kubectl", *words], env=dict(env.settings()), input=text, capture_output=True, text=True, check=False
    )
    if program.returncode:
        raise SystemExit(f"kubectl {' '.join(words[:4])}: {program.stderr.strip()}")
    return program.stdout


def _pod(name: str, namespace: str, image: str, command: list[str]) -> dict[str, Any]:
    container = {
        "name": name,
        "image": image,
        "command": command,
        "ports": [{"name": "http", "containerPort": PORT}] if name == "server" else [],
        "securityContext": pod_security.container_security_context(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name, NAME: name}},
        "spec": {
            "securityContext": pod_security.security_context(),
            "serviceAccountName": name,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
        },
    }


def _account(name: str, namespace: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}


def _namespace(name: str) -> dict[str, Any]:
    """Outside the mesh, in it with its calls open to all its members, or in it with the stack's defaults."""
    if name == PLAIN:
        meta = {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
    opened = {"default_inbound_policy": "all-authenticated"} if name == MESHED else {}
    return namespace_like(kubectl, "shop", name, **opened)


def _objects(namespace: str, image: str) -> list[dict[str, Any]]:
    meta = {"name": "server", "namespace": namespace}
    port = {"name": "http", "port": PORT, "appProtocol": "http"}
    return [
        _namespace(namespace),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"selector": {"app": "server"}, "ports": [port]},
        },
        *(_account(name, namespace) for name in ("server", "client")),
        _pod("server", namespace, image, ["python", "-c", _SERVER, str(PORT)]),
        _pod("client", namespace, image, ["sleep", "86400"]),
    ]


@contextmanager
def all_pods() -> Iterator[None]:
    """Creates the pods of all namespaces, waits until they are ready and guarded, and deletes them at the end."""
    if not local_stack.settings().mesh.installed:
        raise SystemExit("stack local: not in a mesh; set mesh.kind in Pulumi.local.yaml, then `make up`")
    path = 'jsonpath={.items[0].spec.containers[?(@.name=="api-gateway")].image}'
    image = kubectl("-n", "shop", "get", "pods", "-l", "app=api-gateway", "-o", path)
    objects = [one for namespace in NAMESPACES for one in _objects(namespace, image)]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    try:
        kubectl("apply", "-f", "-", text=text)
        for namespace in NAMESPACES:
            kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=90s")
        guards = {"apiVersion": "v1", "kind": "List", "items": policies(GUARDED, PORT)}
        kubectl("apply", "-f", "-", text=json.dumps(guards))
        _until_enforced()
        yield
    finally:
        kubectl("delete", "namespace", *NAMESPACES, "--ignore-not-found", "--wait=true")


def _until_enforced() -> None:
    """Waits until the proxy refuses a declared caller's undeclared request, and the network an undeclared caller."""
    for namespace, asked, wanted in ((GUARDED, _REQUEST, "403"), (PLAIN, _CONNECTION, "refused")):
        deadline = time.monotonic() + ENFORCED_S
        words = ("-n", namespace, "exec", "client", "-c", "client", "--", "python", "-c", asked)
        while (answer := kubectl(*words).strip()) != wanted:
            if time.monotonic() > deadline:
                raise SystemExit(
                    f"namespace {GUARDED}: policies are not enforced: a client of {namespace} got {answer}"
                )
            time.sleep(0.5)


def latencies(namespace: str, count: int) -> list[float]:
    """Durations in seconds of this many requests from client to server, in sending order."""
    host = f"server.{namespace}.svc.cluster.local"
    words = ("-n", namespace, "exec", "-i", "client", "-c", "client", "--", "python", "-", host, str(PORT), str(count))
    return [float(line) for line in kubectl(*words, text=_CLIENT).split()]


def control_plane_memory() -> tuple[int, int]:
    """Bytes that the processes of the control plane's pods hold of their own share, and the number of the pods."""
    plane = stack_binding().control_plane
    if plane is None:
        return 0, 0
    labels = ",".join(f"{key}={value}" for key, value in plane.pod_labels.items())
    listed = json.loads(kubectl("-n", plane.namespace, "get", "pods", "-l", labels, "-o", "json"))["items"]
    marks = [f"pod{one['metadata']['uid']}" for one in listed]
    return sum(_share(pid) for pid in cgroups.pods() if _is_in(pid, marks)), len(listed)


def _is_in(pid: int, marks: Sequence[str]) -> bool:
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text()
    except FileNotFoundError:  # it has ended meanwhile
        return False
    return any(mark in groups for mark in marks)


def _share(pid: int) -> int:
    return int(psutil.Process(pid).memory_full_info().pss)
