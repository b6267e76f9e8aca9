"""Files of the environment that concern a mesh: the folder of charts, and the node's CNI folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_mesh import InvalidSettingsError, Problem

if TYPE_CHECKING:
    from otel_mesh_stack.model import StackSettings

CHARTS_DIR: Final = "OTEL_MESH_CHARTS_DIR"
NODE_FILE: Final = "OTEL_MESH_NODE_FILE"

_NODE_KEYS: Final = {"bin_dir": "cni_bin_dir", "conf_dir": "cni_conf_dir", "conf_file": "cni_conf_name"}
"""Settings of the mesh's CNI plugin, with the keys of the node's file."""


def charts_dir(value: str | None, settings: StackSettings) -> str | None:
    """The folder named by CHARTS_DIR; None if it names none, or no mesh is installed.

    Args:
        value: Value of the variable.
        settings: Settings of the stack.

    Raises:
        InvalidSettingsError: The folder does not exist.
    """
    if not value or not settings.mesh.installed:
        return None
    folder = Path(value).absolute()
    if not folder.is_dir():
        reason = f"{CHARTS_DIR}={value}: no such folder"
        raise InvalidSettingsError([Problem("mesh", reason, "unset it, or name a folder with one folder per chart")])
    return str(folder)


def with_node(value: str | None, settings: StackSettings) -> StackSettings:
    """The settings with the CNI folders of the file named by NODE_FILE, where the stack asks for them.

    Args:
        value: Value of the variable.
        settings: Settings of the stack; values set there take precedence.

    Raises:
        InvalidSettingsError: The file is missing or malformed.
    """
    mesh = settings.mesh
    if not mesh.installed or not mesh.node_from_file:
        return settings
    cni = mesh.istio.cni
    found = {key: one for key, one in _node(value).items() if key not in cni.model_fields_set}
    istio = mesh.istio.model_copy(update={"cni": cni.model_copy(update=found)})
    return settings.model_copy(update={"mesh": mesh.model_copy(update={"istio": istio})})


def _node(value: str | None) -> dict[str, str]:
    if not value:
        reason = f"{NODE_FILE} is not set"
    else:
        try:
            content = json.loads(Path(value).read_text())
            return {ours: str(content[theirs]) for ours, theirs in _NODE_KEYS.items()}
        except OSError as error:
            reason = f"{NODE_FILE}={value}: {error.strerror}"
        except (ValueError, TypeError, KeyError):
            reason = f"{NODE_FILE}={value}: not a JSON object with {', '.join(_NODE_KEYS.values())}"
    raise InvalidSettingsError([Problem("mesh.node_from_file", reason, "run `otel-mesh up`, which writes it")])
