"""Files of the environment that concern a mesh: the folder of charts, and the node's CNI folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pulumi

from otel_mesh import GivenIdentity, InvalidSettingsError, Problem, identity_problems
from otel_mesh_stack import secret_files

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
    return settings.model_copy(update={"mesh": mesh.with_cni(_node(value))})


def mesh_identity(folder: str | None, settings: StackSettings, *, rendering: bool) -> GivenIdentity | None:
    """The user's own certificates of the mesh's identity; None if the mesh generates them, or has none.

    Args:
        folder: Value of OTEL_MESH_SECRETS_DIR.
        settings: Settings of the stack.
        rendering: Whether objects are only written, without certificates.

    Raises:
        InvalidSettingsError: A file is missing, or a certificate is not usable.
    """
    mesh, name = settings.mesh, settings.mesh.linkerd_issuer
    if not mesh.brings_identity or rendering:
        return None
    anchors, chain, key = mesh.linkerd_trust_anchors or "", None, None
    if name is not None:
        chain, key = secret_files.pem_pair(folder, name, "mesh.linkerd_issuer")
    named = {"trust_anchors": "mesh.linkerd_trust_anchors"}
    if problems := identity_problems(anchors, chain, key):
        raise InvalidSettingsError(
            Problem(named.get(one.path.partition("[")[0], "mesh.linkerd_issuer"), one.reason, one.remedy)
            for one in problems
        )
    return GivenIdentity(
        trust_anchors=anchors,
        issuer_certificate=chain,
        issuer_key=None if key is None else pulumi.Output.secret(key),
    )


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
