"""The objects that a stack's program declares, without the engine, a cluster, images or secrets.

Charts are not rendered: each stands there as one object with its version and values.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import pulumi

from otel_mesh.core.recording import record
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks import pulumi_cli

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLES: Final = ("OTEL_MESH_IMAGES_FILE", pulumi_cli.CHARTS_DIR, "OTEL_MESH_SECRETS_DIR", "OTEL_MESH_NODE_FILE")
"""Variables of the shell that would change the objects."""


def declared(stack: str, config: Mapping[str, Any], variables: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """The objects, in no particular order, with placeholders for secrets and for our services' images.

    Args:
        stack: Name of the stack.
        config: Configuration of the stack, as its file has it.
        variables: Variables for the program, such as that of an image file; the shell's do not count.

    Raises:
        CommandError: The program rejects its settings.
    """
    # here and not above: importing it reads the catalog, whose mistakes are reported like those of settings
    from otel_mesh_stack.deploy import deploy  # noqa: PLC0415

    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {"OTEL_MESH_RENDER_DIR": folder, "PULUMI_CONFIG": _as_the_cli_does(config)}),
    ):
        for name in _VARIABLES:
            os.environ.pop(name, None)
        os.environ.update(variables or {})
        project, given = pulumi_cli.project_name(), pulumi.runtime.get_config_env()
        try:
            return list(record(deploy, project=project, stack=stack, config=given).objects)
        except pulumi.RunError as error:
            raise CommandError(f"{error}\n  all of it in Pulumi.{stack}.yaml", remedy="correct it there") from None


def _as_the_cli_does(config: Mapping[str, Any]) -> str:
    """A stack's configuration as its program gets it: a JSON object whose values are text, or JSON as text."""
    return json.dumps(
        {key: value if isinstance(value, str) else json.dumps(value, default=str) for key, value in config.items()}
    )
