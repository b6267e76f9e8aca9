"""Rule files and dashboards of a team's service, for the platform's Prometheus and Grafana."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh.backends.grafana import dashboards as grafana
from otel_mesh.backends.prometheus.objectives import Objectives, objective_rules
from otel_mesh.backends.prometheus.rule_check import check_rules
from otel_mesh.backends.prometheus.rules import SUFFIX
from otel_mesh.core.errors import InvalidSettingsError, Problem, collecting
from otel_mesh.teams.declarations import declaration_rules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from otel_mesh.catalog.model import Service


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """Files of a service by their keys in the platform's ConfigMaps.

    Attributes:
        rules: Rule files.
        dashboards: Dashboards.
    """

    rules: Mapping[str, str]
    dashboards: Mapping[str, str]


def monitoring(
    service: Service,
    *,
    namespace: str,
    platform: str,
    folder: Path | None = None,
    objectives: Objectives | None = None,
) -> Monitoring:
    """The files of a service: its declared calls, its objectives, and those of a folder.

    Args:
        service: The team's service.
        namespace: Namespace of the service.
        platform: Name of the platform, ``service.namespace``.
        folder: Folder with rule files (``*.rules.yaml``) and dashboards (``*.json``).
        objectives: Service level objectives.

    Raises:
        InvalidSettingsError: A file is invalid, or the folder has none.
    """
    rules = _texts(folder, SUFFIX)
    dashboards = _texts(folder, ".json")
    problems: list[Problem] = []
    if folder is not None and not rules and not dashboards:
        remedy = f"put files there that end in {SUFFIX} or .json, or leave it out"
        problems.append(Problem("monitoring", f"{folder}: no rule file and no dashboard", remedy))
    with collecting(problems):
        check_rules(rules)
    with collecting(problems):
        grafana.with_own(dashboards)
    if problems:
        raise InvalidSettingsError(problems)
    all_rules = {
        **declaration_rules(service, namespace),
        **(objective_rules(objectives, [f"{platform}/{service.name}"]) if objectives else {}),
        **rules,
    }
    prefix = f"{namespace}.{service.name}."
    return Monitoring(
        rules={f"{prefix}{name}": text for name, text in all_rules.items()},
        dashboards={f"{prefix}{name}": text for name, text in dashboards.items()},
    )


def _texts(folder: Path | None, ending: str) -> dict[str, str]:
    found = [] if folder is None else sorted(folder.glob(f"*{ending}"))
    return {one.name: one.read_text() for one in found}
