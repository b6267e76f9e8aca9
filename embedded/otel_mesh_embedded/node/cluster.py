"""Start, stop and status of the embedded cluster."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded import images
from otel_mesh_embedded.node import starting, stopping, waiting
from otel_mesh_embedded.node.api import Api
from otel_mesh_embedded.node.layout import LISTENERS, LOOPBACK, layout
from otel_mesh_embedded.node.machine import cgroups, ports, preflight, state_folder
from otel_mesh_embedded.node.network import policies
from otel_mesh_embedded.node.node import assemble, registry
from otel_mesh_embedded.node.objects import storage
from otel_mesh_embedded.supervision import machine_lock, supervisor
from otel_mesh_embedded.supervision.registry import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_mesh_embedded.node.node import Node

PROGRAMS = tuple(dict.fromkeys(["containerd", *(name for _, _, name in LISTENERS), storage.PROGRAM, policies.PROGRAM]))
"""Programs of the node, without the supervisor and forwards."""
_FORWARD_TIMEOUT = 5.0


@dataclass(frozen=True)
class ProgramStatus:
    """One program of the node."""

    name: str
    pid: int | None
    """Process number; None if the program should run but does not."""


@dataclass(frozen=True)
class Status:
    """State of the node at this moment."""

    programs: tuple[ProgramStatus, ...]
    """Programs that should run; empty if the node is stopped."""
    is_api_ready: bool
    memory: int
    """Memory of pods and programs, in bytes."""

    @property
    def is_running(self) -> bool:
        """True if every program runs and the API server is ready."""
        return self.is_api_ready and all(program.pid is not None for program in self.programs)


def start(progress: Callable[[str], None]) -> Node:
    """Start the cluster; programs that run already with the right arguments stay as they are.

    Args:
        progress: Called with each step.

    Raises:
        CommandError: this machine is not suitable, or a program does not start.
    """
    where = layout()
    preflight.check(where)
    with machine_lock.hold("otel-mesh up"), _named_errors():
        state_folder.mark(where.state)
        progress("providing programs and images")
        references = images.make(["pause", "coredns"])
        node = assemble(where)
        starting.start(node, references, progress)
        node.registry.ensure(supervisor.program(where))
        return node


def stop(progress: Callable[[str], None]) -> None:
    """Stop the cluster, if there is one, and keep its data.

    Raises:
        CommandError: the user is not root, or something cannot be stopped.
    """
    preflight.check_rights()
    with machine_lock.hold("otel-mesh down"), _named_errors():
        if not layout().root.exists():
            return
        stopping.stop(assemble(built=False), progress)


def leftovers() -> list[str]:
    """Remains of the node outside the state folder, one line each; empty after `stop`."""
    return stopping.leftovers(assemble(built=False))


def status() -> Status:
    """State of the node; nothing is changed."""
    where = layout()
    mains = {process.name: process.pid for process in registry(where).processes() if process.is_main}
    names = [*PROGRAMS, *sorted(set(registry(where).specified()) - set(PROGRAMS))] if mains else []
    api_ready = where.kubeconfig.exists() and bool(mains) and Api(where).is_ready()
    return Status(
        tuple(ProgramStatus(name, mains.get(name)) for name in names), api_ready, cgroups.memory() if mains else 0
    )


def forward(name: str, listen_port: int, namespace: str, service: str, port: int) -> None:
    """Make a Service reachable at a port of 127.0.0.1, even while its pods are replaced.

    Args:
        name: Name of the address, as in ``OTEL_MESH_PORT_<NAME>``.
        listen_port: Port on loopback.
        namespace: Namespace of the Service.
        service: Name of the Service.
        port: Port of the Service.

    Raises:
        CommandError: another program uses the port, or the Service does not exist.
    """
    node = assemble(built=False)
    found = Api(node.layout).get(f"/api/v1/namespaces/{namespace}/services/{service}")
    if found is None:
        raise CommandError(f"service {namespace}/{service}: not there", remedy="run `otel-mesh up`")
    program = stopping.FORWARD_PREFIX + name
    mine = {process.pid for process in node.registry.processes(program)}
    for error in preflight.ports_in_use(ports.taken([(LOOPBACK, listen_port, name)], mine)):
        raise error
    argv = (
        node.programs.packaged("socat"),
        f"TCP4-LISTEN:{listen_port},bind={LOOPBACK},reuseaddr,fork,backlog=128",
        f"TCP4:{found['spec']['clusterIP']}:{port},connect-timeout=5",
    )
    with machine_lock.hold("otel-mesh up"):
        node.registry.ensure(Program(program, argv, node.programs.environment))
    waiting.until(
        f"port {LOOPBACK}:{listen_port} (for {name})",
        lambda: bool(ports.taken([(LOOPBACK, listen_port, name)])),
        node.registry,
        [program],
        timeout=_FORWARD_TIMEOUT,
    )


@contextmanager
def _named_errors() -> Iterator[None]:
    """Report errors of the operating system, such as a full disk, as one line."""
    try:
        yield
    except OSError as error:
        place = error.filename or "this machine"
        raise CommandError(
            f"{place}: {error.strerror or error}", remedy="mend that and run the command again"
        ) from error
