"""`make compose OUT=dir`: the stack as a Docker Compose project, for a machine with Docker and without Kubernetes.

It is translated from the objects that the stack's own program declares, without a mesh: what the program wires, and
what it will wire tomorrow, is there too, and what has no counterpart in Compose is refused by name.
"""

from __future__ import annotations

from otel_mesh_cli.compose.writing import run

__all__ = ["run"]
