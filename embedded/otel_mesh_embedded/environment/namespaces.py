"""Namespaces of stack `local`, from its settings."""

from __future__ import annotations

from typing import Final

from otel_mesh_cli.stacks import local_stack

SERVICES: Final = local_stack.settings().namespaces.services
"""Namespace of the services and their stores."""
NAMESPACES: Final = ("kube-system", *local_stack.namespaces())
"""Every namespace with pods of the platform."""
