"""The backend that answers with an error: Linkerd injects faults by sending a share of the requests to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.core import versions
from otel_mesh.core.labels import Role
from otel_mesh.k8s.containers import Container, ContainerPort, Probes
from otel_mesh.k8s.render import render
from otel_mesh.k8s.resources import Resources
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.k8s.workload import Workload
from otel_mesh.mesh.policies.matching import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.k8s.pod_types import Check
    from otel_mesh.mesh.policies.fault import FaultInjection
    from otel_mesh.mesh.policies.traffic import Target

ERROR_PORT: Final = 8080
"""Port of the backend and of its Service."""
_HEALTH: Final = "/otel-mesh-health"
_PROGRAM: Final = f"""\
import sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STATUS, DELAY = int(sys.argv[1]), float(sys.argv[2])

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        healthy = self.path == "{_HEALTH}"
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.close_connection = "transfer-encoding" in self.headers
        if not healthy:
            time.sleep(DELAY)
        self.send_response(200 if healthy else STATUS)
        self.send_header("content-length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("", {ERROR_PORT}), Handler).serve_forever()
"""

_COMMAND: Final = ("python3", "-c", _PROGRAM)


def error_service(target: Target) -> str:
    """Name of the Service of the backend.

    Args:
        target: The service whose callers meet the faults.
    """
    return f"{target.service}-errors"


def error_backend(fault: FaultInjection, target: Target) -> list[Manifest]:
    """The Kubernetes objects of the backend, dependencies first.

    It stays outside the mesh: it knows nothing, and any caller may get its error.

    Args:
        fault: The faults, with an error.
        target: The service whose callers meet them.

    Raises:
        ValueError: The faults have no error.
    """
    if fault.abort is None:
        raise ValueError("a fault without an error")
    name = error_service(target)
    delay = seconds(fault.delay.duration) if fault.delay is not None else 0
    check: Check = {"httpGet": {"path": _HEALTH, "port": ERROR_PORT}}
    container = Container(
        name="errors",
        image=fault.backend_image or versions.PYTHON_IMAGE,
        command=(*_COMMAND, str(fault.abort.status), str(delay)),
        ports=(ContainerPort(name="http", number=ERROR_PORT, protocol="http"),),
        probes=Probes(live=check),
        resources=Resources(cpu="10m", memory="32Mi", memory_limit="64Mi"),
    )
    workload = Workload(
        name=name,
        namespace=target.namespace,
        program="error-backend",
        role=Role.MESH,
        version=versions.PYTHON,
        containers=(container,),
        scheduling=Scheduling(),
        pod_annotations={"linkerd.io/inject": "disabled"},
    )
    return render(workload)


def answer_of(pod: Mapping[str, object]) -> tuple[int, float] | None:
    """Status and delay in seconds of the answers of a backend's pod; None for any other pod.

    Args:
        pod: Specification of the pod, as of `error_backend`.
    """
    containers = pod.get("containers")
    if pod.get("initContainers") or not isinstance(containers, list) or len(containers) != 1:
        return None
    command = containers[0].get("command") or ()
    known = len(_COMMAND)
    if tuple(command[:known]) != _COMMAND or len(command) != known + 2:
        return None
    try:
        return int(command[known]), float(command[known + 1])
    except ValueError:
        return None
