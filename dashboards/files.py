"""All dashboards and the paths of their files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import collector, dependencies, experiments, mesh, orders, services, stores

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

_ROOT: Final = Path(__file__).parent.parent
LIBRARY: Final = _ROOT / "components" / "otel_mesh" / "backends" / "grafana" / "dashboards"
"""Folder of the dashboards that come with the library."""
PLATFORM: Final = _ROOT / "infra" / "otel_mesh_stack" / "dashboards"
"""Folder of the dashboards for this platform's own services."""


def made() -> dict[Path, Dashboard]:
    """All dashboards by the path of their file."""
    library = [services.dashboard(), dependencies.dashboard(), stores.dashboard(), collector.dashboard()]
    library.append(mesh.dashboard())
    places = {LIBRARY: library, PLATFORM: [experiments.dashboard(), orders.dashboard()]}
    return {folder / f"{one.uid}.json": _numbered(one) for folder, found in places.items() for one in found}


def _numbered(dashboard: Dashboard) -> Dashboard:
    """Numbers the panels; links to single panels contain the number."""
    for number, panel in enumerate(dashboard.panels or [], start=1):
        panel.id_val = number
    return dashboard


def texts() -> dict[Path, str]:
    """Texts of the files by path; sorted, one key per line, for readable diffs."""
    return {place: json.dumps(plain(one), indent=2, sort_keys=True) + "\n" for place, one in made().items()}


def plain(dashboard: Dashboard) -> dict[str, Any]:
    """A dashboard as Grafana's JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(dashboard, cls=JSONEncoder))
    for variable in plain.get("templating", {}).get("list", []):
        # the builder sets these on every variable, but they only apply to intervals
        for name in ("auto", "auto_count", "auto_min"):
            variable.pop(name, None)
    return plain
