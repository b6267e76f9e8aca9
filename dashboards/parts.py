"""What all dashboards are made of: panels of one form, on a grid of 24 columns, that ask Prometheus."""

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
"""The data source that `otel_mesh.backends.grafana.component` provides under this uid."""

NONE: Final = "none"
"""What a panel shows that is empty when all is well. Any other panel without data says that something is missing."""

_HEIGHT: Final = 8
_TAG: Final = "otel-mesh"


@dataclass(frozen=True)
class Query:
    """A question to Prometheus.

    Attributes:
        expr: in PromQL; ``$__rate_interval`` and variables as Grafana fills them in.
        legend: name of each series; labels as ``{{service_name}}``. In a table, the column.
        exemplars: whether traces behind the points are shown: of a histogram's own series only, not of recorded ones.
    """

    expr: str
    legend: str
    exemplars: bool = False


def board(uid: str, title: str, description: str) -> builders.Dashboard:
    """An empty dashboard; `graph` and the others are added to it."""
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
    """A variable that narrows a dashboard to some values of a label; all of them at first."""
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
    """Lines over time."""
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
    """One figure of now for each series."""
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
    """A table of now: one line for each combination of labels, one column for each question.

    Args:
        title: of the panel.
        description: what it shows.
        columns: labels that are shown, with their headings; all others are left out.
        queries: whose legends are the headings of their values.
        units: of a question's column, by its legend.
        may_be_empty: whether that is how it looks when all is well.
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
