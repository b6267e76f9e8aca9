"""Start, stop and status of the embedded cluster."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded import images
from otel_mesh_embedded.node import starting, stopping
from otel_mesh_embedded.node.api import Api
from otel_mesh_embedded.node.layout import LISTENERS, layout
from otel_mesh_embedded.node.machine import cgroups, preflight
from otel_mesh_embedded.node.network import policies
from otel_mesh_embedded.node.node import assemble, registry
from otel_mesh_embedded.node.objects import storage
from otel_mesh_embedded.supervision import machine_lock, supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_mesh_embedded.node.node import Node

PROGRAMS = tuple(dict.fromkeys(["containerd", *(name for _, _, name in LISTENERS), storage.PROGRAM, policies.PROGRAM]))
"""Programs of the node, without the supervisor and forwards."""


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
