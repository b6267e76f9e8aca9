"""Programs and base file systems from the machine's Debian archive, without installing anything."""

from otel_mesh_embedded.packages.apt import CONNECT, UNREACHABLE, Apt
from otel_mesh_embedded.packages.prefix import PACKAGES, ensure, environment, here

__all__ = ["CONNECT", "PACKAGES", "UNREACHABLE", "Apt", "ensure", "environment", "here"]
