"""The Pulumi program of every stack."""

from otel_mesh_stack.deploy import deploy

deploy()
