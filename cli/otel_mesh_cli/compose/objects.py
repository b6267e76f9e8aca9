"""The objects of stack ``local`` for a machine without Kubernetes, from its program and without the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.stacks import declared as stack_objects
from otel_mesh_cli.stacks import local_stack, pulumi_cli, stack_file

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh_stack.model import StackSettings

_STACK: Final = stack_file.LOCAL
_WITHOUT_KUBERNETES: Final = {
    "cluster": {"name": "compose"},
    "mesh": {"kind": "none"},
    "collector": {"pod_attributes": False},
    "grafana": {"existing_secret": "grafana-credentials"},
    "postgres_backup": None,
}
"""Settings in place of the stack's own: without pod metadata and sidecars, and with Grafana, whose image is public."""


def settings() -> StackSettings:
    """Settings of stack ``local`` without Kubernetes.

    Raises:
        CommandError: The stack's file is invalid.
    """
    return local_stack.checked(_settings())


def _settings() -> dict[str, Any]:
    return pulumi_cli.merged(stack_file.settings(_STACK), _WITHOUT_KUBERNETES)


def declared() -> list[Manifest]:
    """The objects, in no particular order, with placeholders for secrets and for our services' images.

    Raises:
        CommandError: The program rejects its settings.
    """
    config = stack_file.content(stack_file.require(_STACK))["config"] | {stack_file.SETTINGS: _settings()}
    return stack_objects.declared(_STACK, config)
