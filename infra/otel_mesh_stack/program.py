"""What runs when Pulumi runs a stack's program."""

from __future__ import annotations

from otel_mesh import InvalidSettingsError
from otel_mesh_stack.refusal import refusal


def run() -> None:
    """Declares all resources of the current stack.

    Raises:
        pulumi.RunError: the settings or the catalog are wrong; nothing was declared.
    """
    try:
        # the catalog is read when its module is: its mistakes are told like those of the settings
        from otel_mesh_stack.deploy import deploy  # noqa: PLC0415

        deploy()
    except InvalidSettingsError as error:
        problems = error.problems
    else:
        return
    raise refusal(problems)
