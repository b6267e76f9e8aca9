"""Namespaces of stack `local`, from its settings."""

from __future__ import annotations

from typing import Final

from otel_mesh_cli.stacks import stack_file
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from otel_mesh_stack.model import Namespaces

_CHOSEN = Namespaces.model_validate(stack_file.settings(stack_file.LOCAL).get("namespaces") or {})

SERVICES: Final = _CHOSEN.services
"""Namespace of the services and their stores."""
NAMESPACES: Final = ("kube-system", _CHOSEN.observability, SERVICES, *stack_mesh().namespaces)
"""Every namespace that holds pods of the platform."""
