"""What dashboards ask Prometheus, with Grafana's variables filled in as it would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.backends.grafana import dashboards as library
from otel_mesh_stack import dashboards as platform

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILLED_IN: Final = {"$__rate_interval": "5m", "$__range": "1h", "$service": ".*", "$namespace": ".*"}
_LABEL_VALUES: Final = re.compile(r"label_values\((.+), \w+\)")


@dataclass(frozen=True)
class Asked:
    """A question.

    Attributes:
        place: dashboard and panel, or variable.
        expr: that Prometheus is asked.
        may_be_empty: whether the panel says that no answer is a good one.
    """

    place: str
    expr: str
    may_be_empty: bool


def filled_in(expr: str) -> str:
    """A question as Grafana asks it."""
    for variable, value in _FILLED_IN.items():
        expr = expr.replace(variable, value)
    assert "$" not in expr.replace('"$1"', ""), f"an unknown variable in {expr}"
    return expr


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """All panels but headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def asked(dashboard: dict[str, Any]) -> Iterator[Asked]:
    """All that a dashboard asks."""
    name = dashboard["uid"]
    for panel in panels(dashboard):
        empty = "noValue" in panel["fieldConfig"]["defaults"]
        for target in panel["targets"]:
            place = f"{name}: {panel['title']} {target['refId']}"
            yield Asked(place, filled_in(target["expr"]), may_be_empty=empty)
    for variable in dashboard.get("templating", {}).get("list", []):
        found = _LABEL_VALUES.fullmatch(variable["query"])
        assert found, variable["query"]
        # a mesh's dashboard is whole only where there is one
        yield Asked(f"{name}: ${variable['name']}", found[1], may_be_empty=name == "mesh")


def texts() -> dict[str, str]:
    """All dashboards, name of the file to text."""
    return library.with_own(platform.dashboards())
