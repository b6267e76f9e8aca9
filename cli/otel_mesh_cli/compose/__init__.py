"""`otel-mesh compose`: the stack as a Docker Compose project, for a machine with Docker and without Kubernetes.

The project is translated from the objects that the stack's own program declares, without a mesh. An object or a field
without a counterpart in Compose is an error that names it.
"""

from __future__ import annotations

from otel_mesh_cli.compose.writing import run

__all__ = ["run"]
