"""The Pulumi program of every stack."""

from otel_mesh_stack.program import run

run()
