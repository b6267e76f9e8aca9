"""A pod of the services' namespace without a proxy: its connections are the network's own affair."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.stacks import local_stack, sidecars

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMESPACE: Final = "shop"
_CONNECT: Final = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 3):
        print("open")
except OSError as error:
    print(error)
"""


@contextmanager
def bare_pod(kubectl: Callable[..., str]) -> Iterator[str]:
    """A running pod with Python and injection turned off, deleted at the end; its name.

    Args:
        kubectl: Fixture of that name.
    """
    name = f"bare-{secrets.token_hex(3)}"
    words = ("get", "deployment", "api-gateway", "-n", NAMESPACE, "-o", "json")
    template = json.loads(kubectl(*words))["spec"]["template"]["spec"]
    image = next(one["image"] for one in template["containers"] if one["name"] == "api-gateway")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {sidecars.INJECT: "false"},
            "annotations": {"linkerd.io/inject": "disabled"} if local_stack.settings().mesh.kind == "linkerd" else {},
        },
        "spec": {
            "securityContext": template["securityContext"],
            "containers": [
                {
                    "name": "bare",
                    "image": image,
                    "command": ["sleep", "3600"],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
    try:
        kubectl("apply", "-f", "-", input=json.dumps(pod))
        kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=180s")
        yield name
    finally:
        kubectl("-n", NAMESPACE, "delete", "pod", name, "--ignore-not-found", "--now")


def connects(kubectl: Callable[..., str], pod: str, host: str, port: int) -> bool:
    """Whether the network accepts a new connection of a bare pod. Proxies keep those that a policy forbids later."""
    words = ("exec", pod, "-c", "bare", "--", "python", "-c", _CONNECT, host, str(port))
    return kubectl("-n", NAMESPACE, *words).strip() == "open"
