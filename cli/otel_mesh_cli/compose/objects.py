"""The objects of stack ``local`` for a machine without Kubernetes, from its program and without the engine."""

from __future__ import annotations

import json
import os
import tempfile
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import pulumi

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks import local_stack, pulumi_cli, stack_file
from otel_mesh_cli.stacks.drift import MARK
from otel_mesh_cli.stacks.without_engine import Recorder, event_loop, settle
from otel_mesh_stack.images import IMAGES_FILE
from otel_mesh_stack.settings import RENDER_DIR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh_stack.model import StackSettings

_STACK: Final = stack_file.LOCAL
_WITHOUT_KUBERNETES: Final = {
    "cluster": {"name": "compose"},
    "mesh": {"kind": "none"},
    "collector": {"pod_attributes": False},
    "grafana": {"existing_secret": "grafana-credentials"},
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
    """The objects in the order of their declaration, with placeholders for secrets and for our services' images.

    Raises:
        CommandError: The program rejects its settings.
    """
    # here and not above: importing it reads the catalog, whose mistakes are reported like those of settings
    from otel_mesh_stack.deploy import deploy  # noqa: PLC0415

    config = stack_file.content(stack_file.require(_STACK))["config"] | {stack_file.SETTINGS: _settings()}
    recorder = Recorder()
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {RENDER_DIR: folder, "PULUMI_CONFIG": _as_the_cli_does(config)}),
    ):
        os.environ.pop(IMAGES_FILE, None)  # the embedded environment's, whose images are not in Docker
        with event_loop() as loop:
            pulumi.runtime.set_mocks(recorder, project=pulumi_cli.project_name(), stack=_STACK)
            pulumi.runtime.set_all_config(pulumi.runtime.get_config_env())
            try:
                deploy()
            except pulumi.RunError as error:
                raise CommandError(f"{error}\n  all of it in Pulumi.{_STACK}.yaml", remedy="correct it there") from None
            settle(loop)
    return [_plain(one.inputs) for one in recorder.registered if one.typ.startswith("kubernetes:")]


def _as_the_cli_does(config: Mapping[str, Any]) -> str:
    """A stack's configuration as its program gets it: a JSON object whose values are text, or JSON as text."""
    return json.dumps(
        {key: value if isinstance(value, str) else json.dumps(value, default=str) for key, value in config.items()}
    )


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """A value as the program declared it.

    Pulumi's monitor turns integers into floats, loses the order of keys, and wraps secrets (placeholders here).
    """
    if isinstance(value, dict):
        if MARK in value:
            return _plain(value["value"])
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
