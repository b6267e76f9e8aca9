"""`otel-mesh alerts`: the alerts that fire now, with what to do about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from otel_mesh_cli.oncall.sources import Sources

_SEVERITIES: Final = ("critical", "warning")


@dataclass(frozen=True)
class Alert:
    """A firing alert."""

    name: str
    """Name of the alert rule."""
    severity: str
    """``critical`` or ``warning``."""
    labels: dict[str, str]
    """Further labels, such as those that name the service."""
    since: str
    """Time of the first evaluation that found it, in RFC 3339."""
    summary: str
    """What broke, for whom."""
    description: str
    """What follows from it."""
    runbook: str
    """The next command."""


@dataclass(frozen=True)
class Alerts:
    """Answer of `otel-mesh alerts`."""

    alerts: tuple[Alert, ...]
    """Firing alerts, critical ones first, then the oldest."""


def ask(sources: Sources) -> Alerts:
    """Finds the firing alerts.

    Args:
        sources: The stack's backends.

    Raises:
        CommandError: Prometheus does not answer.
    """
    found = []
    for one in sources.prometheus.firing():
        labels, annotations = dict(one["labels"]), one["annotations"]
        name, severity = labels.pop("alertname"), labels.pop("severity", "")
        texts = {key: str(annotations.get(key, "")).strip() for key in ("summary", "description", "runbook")}
        found.append(Alert(name, severity, labels, one["activeAt"], **texts))
    order = {severity: number for number, severity in enumerate(_SEVERITIES)}
    return Alerts(tuple(sorted(found, key=lambda one: (order.get(one.severity, len(order)), one.since, one.name))))


def show(console: Console, answer: Alerts) -> None:
    """Prints the alerts.

    Args:
        console: Where to print.
        answer: The alerts.
    """
    noun = "alert fires" if len(answer.alerts) == 1 else "alerts fire"
    console.print(Text(f"{len(answer.alerts)} {noun}", "bold"), highlight=False)
    for one in answer.alerts:
        style = "bold red" if one.severity == _SEVERITIES[0] else "bold yellow"
        console.print(Text.assemble((f"{one.severity:<10}", style), (one.name, "bold"), f"  {one.summary}"))
        console.print(Text(f"{'':10}since {one.since[:19]}Z  {one.description}"), soft_wrap=True)
        console.print(Text(f"{'':10}{one.runbook}", "dim"), soft_wrap=True)
