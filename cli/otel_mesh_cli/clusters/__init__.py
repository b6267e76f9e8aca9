"""Any cluster but the embedded one: bring images to it and run the stack's program against a kubeconfig context."""

from otel_mesh_cli.clusters.bringing_up import run
from otel_mesh_cli.clusters.request import Request
from otel_mesh_cli.clusters.state import workspace

__all__ = ["Request", "run", "workspace"]
