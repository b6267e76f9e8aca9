"""The node's parts, assembled for starting and stopping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh_embedded.node import programs as node_programs
from otel_mesh_embedded.node.layout import layout as current_layout
from otel_mesh_embedded.node.machine import state_folder
from otel_mesh_embedded.node.network.bridge import Network
from otel_mesh_embedded.node.workers import runtime
from otel_mesh_embedded.node.workers.pods import Pods
from otel_mesh_embedded.supervision.registry import Registry

if TYPE_CHECKING:
    from otel_mesh_embedded.node.layout import Layout
    from otel_mesh_embedded.node.programs import Programs


@dataclass(frozen=True)
class Node:
    """The node below one state folder."""

    layout: Layout
    programs: Programs
    registry: Registry
    network: Network
    pods: Pods

    @property
    def ctr(self) -> tuple[str, ...]:
        """Command line of ctr for the node's containerd."""
        return runtime.ctr(self.layout, self.programs)


def registry(layout: Layout) -> Registry:
    """The programs of the node below a state folder."""
    return Registry(layout.root, layout.processes, layout.logs)


def assemble(layout: Layout | None = None, *, built: bool = True) -> Node:
    """The node of the current state folder, or of a test's, with its programs provided as of `programs.find`.

    Raises:
        CommandError: a program cannot be provided, or others than root can write to the state folder.
    """
    where = layout or current_layout()
    state_folder.require_trusted(where)
    programs = node_programs.find(where, built=built)
    processes = registry(where)
    network = Network(where, programs.iptables, programs.environment)
    pods = Pods(processes, runtime.ctr(where, programs), programs.environment)
    return Node(where, programs, processes, network, pods)
