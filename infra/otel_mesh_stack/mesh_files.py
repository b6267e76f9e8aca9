"""What files of the environment say of a mesh: where its charts are, where the nodes keep their network plugins."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from otel_mesh import InvalidSettingsError, Problem
from otel_mesh.mesh.istio.charts import CHARTS, unknown_values
from otel_mesh.mesh.istio.gateway_api import FOLDER, definition_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_stack.model import StackSettings

CHARTS_DIR: Final = "OTEL_MESH_CHARTS_DIR"
NODE_FILE: Final = "OTEL_MESH_NODE_FILE"

_BUNDLE_VERSION: Final = re.compile(r"^ *gateway\.networking\.k8s\.io/bundle-version: v(\S+)$", re.MULTILINE)

_NODE_KEYS: Final = {"bin_dir": "cni_bin_dir", "conf_dir": "cni_conf_dir", "conf_file": "cni_conf_name"}
"""Settings of istio-cni -> keys of the node's file."""


def charts_dir(value: str | None, settings: StackSettings) -> str | None:
    """The folder that CHARTS_DIR names; None where it names none, or there is no mesh to install.

    Raises:
        InvalidSettingsError: there is no such folder.
    """
    if not value or settings.mesh.kind == "none":
        return None
    folder = Path(value).absolute()
    if not folder.is_dir():
        reason = f"{CHARTS_DIR}={value}: no such folder"
        raise InvalidSettingsError([Problem("mesh", reason, "unset it, or name a folder with one folder per chart")])
    return str(folder)


def with_node(value: str | None, settings: StackSettings) -> StackSettings:
    """Fills in what the file that NODE_FILE names tells, where the stack asks for it and says nothing itself.

    Raises:
        InvalidSettingsError: the file is missing or not as it should be.
    """
    mesh = settings.mesh
    if mesh.kind == "none" or not mesh.node_from_file:
        return settings
    cni = mesh.istio.cni
    told = {key: one for key, one in _node(value).items() if key not in cni.model_fields_set}
    istio = mesh.istio.model_copy(update={"cni": cni.model_copy(update=told)})
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
            reason = f"{NODE_FILE}={value}: no JSON object with {', '.join(_NODE_KEYS.values())}"
    raise InvalidSettingsError([Problem("mesh.node_from_file", reason, "run `make up`, which writes it")])


def unpinned(folder: str | None, settings: StackSettings) -> list[str]:
    """What in the folder is not of the release that the stack's settings pin, each as a sentence.

    Args:
        folder: made by `charts_dir`.
        settings: of the stack.
    """
    if folder is None:
        return []
    pinned, gateway_api = settings.mesh.istio.version, settings.mesh.istio.gateway_api
    found = [(f"chart {chart}", _version(Path(folder) / chart / "Chart.yaml"), pinned) for chart in CHARTS]
    if gateway_api.definitions == "install" and (Path(folder) / FOLDER).is_dir():
        has = sorted({_bundle_version(Path(file)) for file in definition_files(settings.mesh.istio, folder)})
        found.append(("definitions of the Gateway API", ", ".join(has), gateway_api.version))
    return [
        f"{what}: {folder} has version {version}, the stack's settings pin {wanted}"
        for what, version, wanted in found
        if version != wanted
    ]


def _bundle_version(definition: Path) -> str:
    try:
        named = _BUNDLE_VERSION.search(definition.read_text(errors="replace"))
    except OSError:
        return f"(no {definition.name})"
    return named[1] if named else "(none)"


def _version(chart: Path) -> str:
    content = _content(chart)
    return "(not readable)" if content is None else str(content.get("version", "(none)"))


def unknown(folder: str | None, values: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Values that a chart of the folder doesn't know, each as a sentence: Helm ignores them without a word.

    Args:
        folder: made by `charts_dir`.
        values: that the charts get, by chart.
    """
    if folder is None:
        return []
    known = {chart: _content(Path(folder) / chart / "values.yaml") for chart in values}
    return [
        f"chart {chart}: the one of {folder} does not know {path}, which has no effect there"
        for chart, own in known.items()
        if own is not None
        for path in unknown_values(values[chart], own)
    ]


def _content(file: Path) -> dict[str, Any] | None:
    """The mapping that a file of a chart holds; None where it can't be read."""
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    return content if isinstance(content, dict) else None
