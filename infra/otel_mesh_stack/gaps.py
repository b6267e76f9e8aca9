"""What a stack misses because of backends outside: alerts that nothing evaluates, and alerts without data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh import OutsideBackend, alert_names
from otel_mesh import rule_files as library_rules
from otel_mesh_stack import alerting
from otel_mesh_stack.backends import OutsideMetrics
from otel_mesh_stack.rules import rule_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh_stack.model import StackSettings

OF_LOG_STORE: Final = "victoria_logs.rules.yaml"
OF_PROXIES: Final = "mesh.rules.yaml"
OF_ALERTING: Final = "alerting.rules.yaml"
"""Rule files whose alerts need series that only scraping yields: of VictoriaLogs, the mesh's proxies, and the programs
that send alerts."""


_LOAD: Final = "Load the rule files there, see docs/backends.md"
_SCRAPE: Final = "Scrape them there; until then these alerts have no data"


def gaps(settings: StackSettings, scraped: Iterable[str]) -> list[str]:
    """One sentence for each thing that the stack's backends leave undone, for a preview.

    Args:
        settings: Settings of the stack.
        scraped: Jobs that the stack's own Prometheus would scrape.
    """
    alerts = alert_names({**library_rules(), **rule_files()})
    own_logs = not isinstance(settings.victoria_logs, OutsideBackend)
    sentences = []
    if isinstance(settings.prometheus, OutsideMetrics) and settings.prometheus.operator is None:
        endpoint = settings.prometheus.url
        every = _listed(name for names in alerts.values() for name in names)
        own = {OF_LOG_STORE: own_logs, OF_PROXIES: settings.mesh.installed, OF_ALERTING: True}
        without_data = _listed(alert_of(alerts, [file for file, there in own.items() if there]))
        sentences = [
            f"prometheus: metrics go to {endpoint}: nothing in this stack evaluates the alerts {every}. {_LOAD}",
            f"prometheus: nothing in this stack scrapes {_listed(scraped)}. {_SCRAPE}: {without_data}",
        ]
    if isinstance(settings.victoria_logs, OutsideBackend):
        endpoint = settings.victoria_logs.url
        useless = _listed(alert_of(alerts, [OF_LOG_STORE]))
        sentences.append(f"victoria_logs: logs go to {endpoint}: these alerts have no data: {useless}")
    return sentences + alerting.gaps(settings)


def alert_of(alerts: dict[str, tuple[str, ...]], files: Iterable[str]) -> list[str]:
    """The alerts of some rule files."""
    return [name for file in files for name in alerts[file]]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
