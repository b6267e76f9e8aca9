"""Queries of the dashboards to Prometheus, with Grafana's variables substituted."""

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
    """A query of a dashboard.

    Attributes:
        place: Dashboard and panel, or variable.
        expr: PromQL expression.
        may_be_empty: True if the panel declares an empty result normal.
    """

    place: str
    expr: str
    may_be_empty: bool


def filled_in(expr: str) -> str:
    """The expression with Grafana's variables substituted."""
    for variable, value in _FILLED_IN.items():
        expr = expr.replace(variable, value)
    assert "$" not in expr.replace('"$1"', ""), f"an unknown variable in {expr}"
    return expr


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """All panels without row headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def asked(dashboard: dict[str, Any]) -> Iterator[Asked]:
    """All queries of a dashboard."""
    name = dashboard["uid"]
    for panel in panels(dashboard):
        empty = "noValue" in panel["fieldConfig"]["defaults"]
        for target in panel["targets"]:
            place = f"{name}: {panel['title']} {target['refId']}"
            yield Asked(place, filled_in(target["expr"]), may_be_empty=empty)
    for variable in dashboard.get("templating", {}).get("list", []):
        found = _LABEL_VALUES.fullmatch(variable["query"])
        assert found, variable["query"]
        # the dashboard of a mesh has data only with a mesh
        yield Asked(f"{name}: ${variable['name']}", found[1], may_be_empty=name == "mesh")


def texts() -> dict[str, str]:
    """All dashboards: file name to text."""
    return library.with_own(platform.dashboards())
