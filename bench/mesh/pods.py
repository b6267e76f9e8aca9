"""A client and a server pod, once in a namespace of the mesh and once outside it."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.k8s import pod_security
from otel_mesh_embedded.environment import env

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PORT: Final = 8080
MESHED: Final = "bench-meshed"
PLAIN: Final = "bench-plain"
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
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "securityContext": pod_security.security_context(),
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
        },
    }


def _objects(namespace: str, labels: Mapping[str, str], image: str) -> list[dict[str, Any]]:
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    meta = {"name": "server", "namespace": namespace}
    port = {"name": "http", "port": PORT, "appProtocol": "http"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {**restricted, **labels}}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"selector": {"app": "server"}, "ports": [port]},
        },
        _pod("server", namespace, image, ["python", "-c", _SERVER, str(PORT)]),
        _pod("client", namespace, image, ["sleep", "86400"]),
    ]


@contextmanager
def both() -> Iterator[None]:
    """Creates the pods of both namespaces, waits until they are ready, and deletes them at the end."""
    shop = json.loads(kubectl("get", "namespace", "shop", "-o", "json"))["metadata"]["labels"]
    joins = {key: value for key, value in shop.items() if "istio" in key}
    if not joins:
        raise SystemExit("namespace shop: not in a mesh; set mesh.kind in Pulumi.local.yaml, then `make up`")
    path = 'jsonpath={.items[0].spec.containers[?(@.name=="api-gateway")].image}'
    image = kubectl("-n", "shop", "get", "pods", "-l", "app=api-gateway", "-o", path)
    objects = [*_objects(MESHED, joins, image), *_objects(PLAIN, {}, image)]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    try:
        kubectl("apply", "-f", "-", text=text)
        for namespace in (MESHED, PLAIN):
            kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=90s")
        yield
    finally:
        kubectl("delete", "namespace", MESHED, PLAIN, "--ignore-not-found", "--wait=true")


def latencies(namespace: str, count: int) -> list[float]:
    """Durations in seconds of this many requests from client to server, in sending order."""
    host = f"server.{namespace}.svc.cluster.local"
    words = ("-n", namespace, "exec", "-i", "client", "-c", "client", "--", "python", "-", host, str(PORT), str(count))
    return [float(line) for line in kubectl(*words, text=_CLIENT).split()]
