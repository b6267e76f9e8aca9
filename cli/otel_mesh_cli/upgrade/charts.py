"""Folders of a mesh's charts in a version: the user's, this machine's, or fetched from the stack's chart repository."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

import httpx
import yaml

from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError, reason_of
from otel_mesh_cli.stacks import pulumi_cli

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_cli.upgrade.meshes import Mesh

_TIMEOUT: Final = 60.0
"""Seconds for one answer of a repository."""
_DEFAULTS: Final = "_internal_defaults_do_not_set"
"""Key under which Istio's charts keep their defaults."""


def folder(mesh: Mesh, version: str, repository: str, given: str, scratch: Path) -> Path:
    """A folder with one folder per chart.

    Args:
        mesh: Mesh that the charts install.
        version: Version of the charts.
        repository: URL of the Helm repository.
        given: Folder with charts of that version; empty for none.
        scratch: Folder for what is fetched.

    Raises:
        CommandError: The given folder has another version, or the repository does not have this one.
    """
    if given:
        require(mesh, Path(given), version)
        return Path(given).absolute()
    if (own := os.environ.get(pulumi_cli.CHARTS_DIR)) and all(
        _version(Path(own) / one) == version for one in mesh.charts
    ):
        return Path(own).absolute()
    here = embedded.charts() if mesh.kind == "istio" else None
    if here is not None and here.version() == version:
        return here.ensure()
    return _fetched(mesh, version, repository, scratch / version)


def require(mesh: Mesh, charts: Path, version: str) -> None:
    """Refuse a folder without the charts of a version.

    Args:
        mesh: Mesh that the charts install.
        charts: Folder with one folder per chart.
        version: Version of the charts.

    Raises:
        CommandError: A chart is missing or has another version.
    """
    for chart in mesh.charts:
        found = _version(charts / chart)
        if found != version:
            reason = f"has version {found}, not {version}" if found else "no chart there"
            raise CommandError(f"{charts / chart}: {reason}", remedy="name a folder with one folder per chart")


def defaults(charts: Path, chart: str) -> dict[str, Any]:
    """Default values of a chart.

    Args:
        charts: Folder with one folder per chart.
        chart: Name of the chart.
    """
    content = _content(charts / chart / "values.yaml")
    found: dict[str, Any] = content.get(_DEFAULTS, content)
    return found


def _version(chart: Path) -> str:
    return str(_content(chart / "Chart.yaml").get("version", ""))


def _content(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def _fetched(mesh: Mesh, version: str, repository: str, target: Path) -> Path:
    remedy = f"name a folder of the new version's charts with --charts, of the stack's with {pulumi_cli.CHARTS_DIR}"
    if not repository.startswith(("http://", "https://")):
        raise CommandError(f"charts {version}: {repository} is not fetched from here", remedy=remedy)
    place = f"{repository.rstrip('/')}/"
    try:
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as http:
            index = yaml.safe_load(_get(http, urljoin(place, "index.yaml")))
            for chart in mesh.charts:
                url = _url(index, chart, version)
                if url is None:
                    raise CommandError(f"chart {chart}: {repository} has no version {version}", remedy=remedy)
                with tarfile.open(fileobj=io.BytesIO(_get(http, urljoin(place, url)))) as packed:
                    packed.extractall(target, filter="data")
    except httpx.HTTPError as error:
        raise CommandError(f"charts {version}: {repository}: {reason_of(error)}", remedy=remedy) from None
    except (tarfile.TarError, yaml.YAMLError, UnicodeDecodeError):
        raise CommandError(f"charts {version}: {repository}: not a chart repository", remedy=remedy) from None
    require(mesh, target, version)
    return target


def _get(http: httpx.Client, url: str) -> bytes:
    return http.get(url).raise_for_status().content


def _url(index: Mapping[str, Any], chart: str, version: str) -> str | None:
    entries = index.get("entries") if isinstance(index, dict) else None
    for one in (entries or {}).get(chart) or ():
        if one.get("version") == version and one.get("urls"):
            return str(one["urls"][0])
    return None
