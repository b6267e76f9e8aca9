"""The components as a Pulumi package for programs in other languages."""

from otel_mesh.plugin.provider import main

__all__ = ["main"]
