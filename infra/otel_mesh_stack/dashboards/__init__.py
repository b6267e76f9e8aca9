"""Grafana's dashboards of this platform's own services: JSON made by ``dashboards/`` of the repository."""

from __future__ import annotations

from importlib import resources


def dashboards() -> dict[str, str]:
    """Name of the file to text."""
    found = (one for one in resources.files(__name__).iterdir() if one.name.endswith(".json"))
    return {one.name: one.read_text() for one in sorted(found, key=lambda one: one.name)}
