"""The Pulumi program of a stack."""

from __future__ import annotations

from otel_mesh import InvalidSettingsError
from otel_mesh_stack.refusal import refusal


def run() -> None:
    """Declares all resources of the current stack.

    Raises:
        pulumi.RunError: The settings or the catalog are invalid; nothing was declared.
    """
    try:
        # importing the module validates the catalog, whose problems are reported like those of the settings
        from otel_mesh_stack.deploy import deploy  # noqa: PLC0415

        deploy()
    except InvalidSettingsError as error:
        problems = error.problems
    else:
        return
    raise refusal(problems)
