"""Processes of the running node."""

from __future__ import annotations

from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.node.node import registry


def process_ids() -> frozenset[int]:
    """Process numbers of the node's programs, the supervisor and the forwards, without their children."""
    return frozenset(process.pid for process in registry(layout()).processes() if process.is_main)


def doubles() -> list[str]:
    """Names of programs that run more than once, which is a bug."""
    names = [process.name for process in registry(layout()).processes() if process.is_main]
    return sorted({name for name in names if names.count(name) > 1})
