"""Any cluster but the embedded one: images go to a registry, and the same program runs against a named context."""

from local.other_cluster.bringing_up import run
from local.other_cluster.request import Request
from local.other_cluster.state import workspace

__all__ = ["Request", "run", "workspace"]
