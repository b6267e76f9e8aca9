"""PostgreSQL and Redis, measured by the services that use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders.dashboard import Row

from dashboards.parts import Query, board, choice, graph

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

_CHOSEN: Final = 'service_name=~"$service"'
_STORE: Final = "service_name, db_system_name, db_namespace"
_LEGEND: Final = "{{service_name}} → {{db_system_name}} {{db_namespace}}"
_STATEMENT: Final = "db_system_name, db_query_summary"
_STATEMENT_LEGEND: Final = "{{db_system_name}} {{db_query_summary}}"


def dashboard() -> Dashboard:
    """The dashboard ``stores``."""
    return (
        board("stores", "Data stores", "PostgreSQL and Redis, measured by the services that use them.")
        .with_variable(choice("service", "Service", "label_values(store:operations:rate5m, service_name)"))
        .with_row(Row("By store"))
        .with_panel(
            graph(
                "Operations",
                "Operations a second.",
                "ops",
                Query(f"sum by ({_STORE}) (store:operations:rate5m{{{_CHOSEN}}})", _LEGEND),
            )
        )
        .with_panel(
            graph(
                "Errors",
                "Share of operations that failed.",
                "percentunit",
                Query(
                    f"sum by ({_STORE}) (store:operation_errors:rate5m{{{_CHOSEN}}})"
                    f" / sum by ({_STORE}) (store:operations:rate5m{{{_CHOSEN}}})",
                    _LEGEND,
                ),
            )
        )
        .with_panel(
            graph(
                "Duration, 95th percentile",
                "Duration including the network, without the wait for a pooled connection.",
                "s",
                Query(
                    f"histogram_quantile(0.95, sum by ({_STORE}, le)"
                    f" (store:operation_duration_seconds_bucket:rate5m{{{_CHOSEN}}}))",
                    _LEGEND,
                ),
            )
        )
        .with_row(Row("By statement"))
        .with_panel(
            graph(
                "Operations",
                "Operations a second by statement and table.",
                "ops",
                Query(
                    f"sum by ({_STATEMENT})"
                    f" (rate(db_client_operation_duration_seconds_count{{{_CHOSEN}}}[$__rate_interval]))",
                    _STATEMENT_LEGEND,
                ),
                width=12,
            )
        )
        .with_panel(
            graph(
                "Duration, 95th percentile",
                "Diamonds are exemplars: click one for its trace.",
                "s",
                Query(
                    f"histogram_quantile(0.95, sum by ({_STATEMENT}, le)"
                    f" (rate(db_client_operation_duration_seconds_bucket{{{_CHOSEN}}}[$__rate_interval])))",
                    _STATEMENT_LEGEND,
                    exemplars=True,
                ),
                width=12,
            )
        )
        .with_panel(
            graph(
                "Errors by kind",
                "Failed operations a second by PostgreSQL's SQLSTATE or exception.",
                "ops",
                Query(
                    "sum by (db_system_name, db_query_summary, error_type) (rate("
                    f'db_client_operation_duration_seconds_count{{{_CHOSEN}, error_type!=""}}[$__rate_interval]))',
                    "{{db_system_name}} {{db_query_summary}} {{error_type}}",
                ),
                width=24,
                may_be_empty=True,
            )
        )
        .build()
    )
