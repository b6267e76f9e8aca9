"""Any cluster but the embedded one: images go to a registry, and the same program runs against a named context."""

from otel_mesh_cli.clusters.bringing_up import run
from otel_mesh_cli.clusters.request import Request
from otel_mesh_cli.clusters.state import workspace

__all__ = ["Request", "run", "workspace"]
