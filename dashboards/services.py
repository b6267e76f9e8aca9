"""Rate, errors and durations of every service and its routes, and its error budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders.dashboard import Row

from dashboards.parts import Query, board, choice, graph, rows

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

_CHOSEN: Final = 'service_name=~"$service"'


def dashboard() -> Dashboard:
    """The dashboard ``services``."""
    return (
        board("services", "Services", "Rate, errors and durations, by service and by route.")
        .with_variable(choice("service", "Service", "label_values(service:requests:rate5m, service_name)"))
        .with_row(Row("Services"))
        .with_panel(
            graph(
                "Requests",
                "Requests a second, HTTP and gRPC.",
                "reqps",
                Query(f"sum by (service_name) (service:requests:rate5m{{{_CHOSEN}}})", "{{service_name}}"),
            )
        )
        .with_panel(
            graph(
                "Errors",
                "Share of requests with a server error: 5xx, exceptions, server errors of gRPC.",
                "percentunit",
                Query(
                    f"sum by (service_name) (service:request_errors:rate5m{{{_CHOSEN}}})"
                    f" / sum by (service_name) (service:requests:rate5m{{{_CHOSEN}}})",
                    "{{service_name}}",
                ),
            )
        )
        .with_panel(
            graph(
                "Duration, 95th percentile",
                "Duration that 95 % of the requests do not exceed.",
                "s",
                Query(
                    "histogram_quantile(0.95, sum by (service_name, le)"
                    f" (service:request_duration_seconds_bucket:rate5m{{{_CHOSEN}}}))",
                    "{{service_name}}",
                ),
            )
        )
        .with_row(Row("Routes"))
        .with_panel(
            graph(
                "HTTP requests by route",
                "Requests a second by route and status.",
                "reqps",
                Query(
                    "sum by (service_name, http_request_method, http_route, http_response_status_code)"
                    f" (rate(http_server_request_duration_seconds_count{{{_CHOSEN}}}[$__rate_interval]))",
                    "{{service_name}} {{http_request_method}} {{http_route}} {{http_response_status_code}}",
                ),
                width=12,
            )
        )
        .with_panel(
            graph(
                "HTTP durations by route, 95th percentile",
                "Diamonds are exemplars: click one for its trace.",
                "s",
                Query(
                    "histogram_quantile(0.95, sum by (service_name, http_request_method, http_route, le)"
                    f" (rate(http_server_request_duration_seconds_bucket{{{_CHOSEN}}}[$__rate_interval])))",
                    "{{service_name}} {{http_request_method}} {{http_route}}",
                    exemplars=True,
                ),
                width=12,
            )
        )
        .with_panel(
            graph(
                "gRPC calls by method",
                "Calls a second by method and status; empty if no service uses gRPC.",
                "reqps",
                Query(
                    "sum by (service_name, rpc_method, rpc_response_status_code)"
                    f" (rate(rpc_server_call_duration_seconds_count{{{_CHOSEN}}}[$__rate_interval]))",
                    "{{rpc_method}} {{rpc_response_status_code}}",
                ),
                may_be_empty=True,
            )
        )
        .with_panel(
            graph(
                "gRPC durations by method, 95th percentile",
                "Diamonds are exemplars: click one for its trace.",
                "s",
                Query(
                    "histogram_quantile(0.95, sum by (service_name, rpc_method, le)"
                    f" (rate(rpc_server_call_duration_seconds_bucket{{{_CHOSEN}}}[$__rate_interval])))",
                    "{{rpc_method}}",
                    exemplars=True,
                ),
                may_be_empty=True,
            )
        )
        .with_panel(
            graph(
                "Requests in flight",
                "HTTP requests that are being processed.",
                "short",
                Query(
                    f"sum by (service_name) (http_server_active_requests{{{_CHOSEN}}})",
                    "{{service_name}}",
                ),
            )
        )
        .with_row(Row("Objectives"))
        .with_panel(
            graph(
                "Error budget burn rate",
                "At 1 the budget lasts exactly 30 days; above 14.4 over an hour the alert ErrorBudgetBurnsFast fires.",
                "short",
                Query(
                    f"service:budget_burn:rate1h{{{_CHOSEN}}}",
                    "{{service_name}} {{objective}}, 1 h",
                ),
                Query(
                    f"service:budget_burn:rate6h{{{_CHOSEN}}}",
                    "{{service_name}} {{objective}}, 6 h",
                ),
                width=24,
            )
        )
        .with_panel(
            rows(
                "Alerts",
                "Firing and pending alerts. Prometheus' page /alerts shows their runbooks.",
                {"alertname": "Alert", "severity": "Severity", "service_name": "Service", "job": "Job"},
                Query("ALERTS_FOR_STATE * 1000", "Since"),
                units={"Since": "dateTimeFromNow"},
                may_be_empty=True,
            )
        )
        .build()
    )
