"""Differences between a mesh's charts in a folder and the settings: other versions, values that a chart ignores."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from otel_mesh.mesh.installing.gateway_api import FOLDER, definition_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh.mesh.installing.gateway_api import GatewayApi

_BUNDLE_VERSION: Final = re.compile(r"^ *gateway\.networking\.k8s\.io/bundle-version: v(\S+)$", re.MULTILINE)

_OPEN: Final = ("meshConfig", "pdb", "podAnnotations", "proxy.tracing.labels")
"""Values whose keys the chart's ``values.yaml`` does not list: Istio's MeshConfig, two exclusive keys, annotations."""

_UNLISTED: Final = (
    "global.enableReaderRBAC",
    *(f"{part}Resources" for part in ("destination", "identity", "proxyInjector", "spValidator")),
    "highAvailability",
    "proxy.accessLog",
    "tolerations",
)
"""Values that the charts' templates read although their ``values.yaml`` does not list them."""


def chart_warnings(
    charts_dir: str | None,
    pinned: Mapping[str, str],
    gateway_api: GatewayApi,
    values: Mapping[str, Mapping[str, Any]],
) -> tuple[str, ...]:
    """Differences between the charts of a folder and the settings, one sentence each.

    Args:
        charts_dir: Folder with one folder per chart; None where the charts come from their repository.
        pinned: Version of each chart in the settings.
        gateway_api: Settings of the Gateway API's definitions.
        values: Values of each chart.
    """
    if charts_dir is None:
        return ()
    return (*_unpinned(Path(charts_dir), pinned, gateway_api), *_ignored(Path(charts_dir), values))


def _unpinned(folder: Path, pinned: Mapping[str, str], gateway_api: GatewayApi) -> Iterator[str]:
    """Charts and definitions whose version is not the one in the settings."""
    found = [(f"chart {chart}", _version(folder / chart / "Chart.yaml"), version) for chart, version in pinned.items()]
    if gateway_api.definitions == "install" and (folder / FOLDER).is_dir():
        has = sorted({_bundle_version(Path(file)) for file in definition_files(gateway_api, str(folder))})
        found.append(("definitions of the Gateway API", ", ".join(has), gateway_api.version))
    for what, version, wanted in found:
        if version != wanted:
            yield f"{what}: {folder} has version {version}, the settings pin {wanted}"


def _bundle_version(definition: Path) -> str:
    try:
        named = _BUNDLE_VERSION.search(definition.read_text(errors="replace"))
    except OSError:
        return f"(no {definition.name})"
    return named[1] if named else "(none)"


def _version(chart: Path) -> str:
    content = _content(chart)
    return "(not readable)" if content is None else str(content.get("version", "(none)"))


def _ignored(folder: Path, values: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Values that a chart does not have; Helm ignores them silently."""
    for chart, own in values.items():
        known = _content(folder / chart / "values.yaml")
        if known is not None:
            for path in unknown_values(own, known):
                yield f"chart {chart}: the chart in {folder} has no value {path}; the setting behind it has no effect"


def _content(file: Path) -> dict[str, Any] | None:
    """The mapping in a YAML file of a chart; None if the file cannot be read."""
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    return content if isinstance(content, dict) else None


def unknown_values(values: Mapping[str, Any], chart: Mapping[str, Any]) -> list[str]:
    """Paths of values that a chart does not have; Helm ignores them silently.

    Args:
        values: Values for the chart.
        chart: Content of the chart's ``values.yaml``.
    """
    known = chart.get("_internal_defaults_do_not_set", chart)
    return sorted(_unknown(values, known, ""))


def _unknown(values: Mapping[str, Any], known: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, value in values.items():
        here = f"{path}{key}"
        if here in _UNLISTED:
            continue
        if key not in known:
            yield here
        elif isinstance(value, dict) and isinstance(known[key], dict) and known[key] and not _open(here):
            yield from _unknown(value, known[key], f"{here}.")


def _open(path: str) -> bool:
    return path in _OPEN or path.rpartition(".")[2] == "resources"
