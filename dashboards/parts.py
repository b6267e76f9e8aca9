"""Building blocks of the dashboards: uniform panels with Prometheus queries on a grid of 24 columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.common import (
    FieldTextAlignment,
    LegendDisplayMode,
    LegendPlacement,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

PROMETHEUS: Final = DataSourceRef(type_val="prometheus", uid="prometheus")
"""Data source that `otel_mesh.backends.grafana` provisions under this uid."""

NONE: Final = "none"
"""Text of an empty panel whose normal state is empty. Other panels show that data is missing."""

_HEIGHT: Final = 8
_TAG: Final = "otel-mesh"


@dataclass(frozen=True)
class Query:
    """A Prometheus query.

    Attributes:
        expr: PromQL expression; Grafana expands ``$__rate_interval`` and variables.
        legend: Name of each series, with labels as ``{{service_name}}``; in a table, heading of the column.
        exemplars: Whether to show exemplars; only raw histogram series have them, recorded ones do not.
    """

    expr: str
    legend: str
    exemplars: bool = False


def board(uid: str, title: str, description: str) -> builders.Dashboard:
    """An empty dashboard.

    Args:
        uid: Uid of the dashboard, which links contain.
        title: Title of the dashboard.
        description: Content of the dashboard.
    """
    return (
        builders.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([_TAG])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(builders.DashboardLink("Dashboards").type(DashboardLinkType.DASHBOARDS).tags([_TAG]).as_dropdown(True))
    )


def choice(name: str, label: str, query: str) -> builders.QueryVariable:
    """A variable that filters a dashboard by values of a label; initially all values.

    Args:
        name: Name of the variable.
        label: Text beside the choice.
        query: Query for the values.
    """
    return (
        builders.QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


def graph(
    title: str, description: str, unit: str, *queries: Query, width: int = 8, may_be_empty: bool = False
) -> timeseries.Panel:
    """A panel with lines over time.

    Args:
        title: Title of the panel.
        description: Content of the panel.
        unit: Grafana's unit of the values.
        queries: Queries for the lines.
        width: Columns of the grid.
        may_be_empty: Whether no data is the normal state.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .unit(unit)
        .min(0)
        .span(width)
        .height(_HEIGHT)
        .fill_opacity(8)
        .show_points(VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    for target in _targets(queries):
        panel = panel.with_target(target)
    return panel.no_value(NONE) if may_be_empty else panel


def number(title: str, description: str, unit: str, query: Query, *, may_be_empty: bool = False) -> stat.Panel:
    """A panel with the current value of each series.

    Args:
        title: Title of the panel.
        description: Content of the panel.
        unit: Grafana's unit of the values.
        query: Query for the values.
        may_be_empty: Whether no data is the normal state.
    """
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .unit(unit)
        .span(6)
        .height(_HEIGHT // 2)
        .with_target(_targets([query])[0])
    )
    return panel.no_value(NONE) if may_be_empty else panel


def rows(
    title: str,
    description: str,
    columns: Mapping[str, str],
    *queries: Query,
    units: Mapping[str, str] | None = None,
    may_be_empty: bool = False,
) -> table.Panel:
    """A table of current values: one row for each combination of labels, one column for each query.

    Args:
        title: Title of the panel.
        description: Content of the panel.
        columns: Labels to show, with their headings.
        queries: Queries for the value columns; their legends are the headings.
        units: Units of the value columns, by legend.
        may_be_empty: Whether no data is the normal state.
    """
    renamed = {**columns, **{f"Value #{_letter(index)}": query.legend for index, query in enumerate(queries)}}
    if len(queries) == 1:
        renamed |= {"Value": queries[0].legend}
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .align(FieldTextAlignment.AUTO)
        .span(24)
        .height(_HEIGHT)
        .with_transformation(DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            DataTransformerConfig(
                id_val="filterFieldsByName", options={"include": {"names": [*columns, *_values(renamed)]}}
            )
        )
        .with_transformation(DataTransformerConfig(id_val="organize", options={"renameByName": renamed}))
    )
    for target in _targets(queries):
        panel = panel.with_target(target.instant().format(PromQueryFormat.TABLE))
    for name, unit in (units or {}).items():
        panel = panel.override_by_name(name, [DynamicConfigValue(id_val="unit", value=unit)])
    return panel.no_value(NONE) if may_be_empty else panel


def _values(renamed: Mapping[str, str]) -> list[str]:
    return [name for name in renamed if name.startswith("Value")]


def _letter(index: int) -> str:
    return "ABCDEFGH"[index]


def _targets(queries: tuple[Query, ...] | list[Query]) -> list[prometheus.Dataquery]:
    targets = []
    for index, query in enumerate(queries):
        target = prometheus.Dataquery().ref_id(_letter(index)).expr(query.expr).legend_format(query.legend)
        targets.append(target.exemplar(True) if query.exemplars else target)
    return targets
