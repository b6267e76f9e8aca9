"""Calls between services: from the callers' metrics, and from the service graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders.dashboard import Row

from dashboards.parts import Query, board, choice, graph, rows

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

_CHOSEN: Final = 'service_name=~"$service"'
_EDGE: Final = "service_name, service_peer_name"
_ARROW: Final = "{{service_name}} → {{service_peer_name}}"
_SEEN: Final = "client, server"
_SEEN_ARROW: Final = "{{client}} → {{server}}"


def dashboard() -> Dashboard:
    """The dashboard ``dependencies``."""
    return (
        board("dependencies", "Dependencies", "Calls between services: rate, errors and durations.")
        .with_variable(choice("service", "Caller", "label_values(edge:requests:rate5m, service_name)"))
        .with_row(Row("Callers' metrics"))
        .with_panel(
            rows(
                "Calls",
                "Calls of each service to others. Client errors (4xx) are not counted as errors.",
                {"service_name": "Caller", "service_peer_name": "Callee"},
                Query(f"sum by ({_EDGE}) (edge:requests:rate5m{{{_CHOSEN}}})", "Calls"),
                Query(
                    f"sum by ({_EDGE}) (edge:request_errors:rate5m{{{_CHOSEN}}})"
                    f" / sum by ({_EDGE}) (edge:requests:rate5m{{{_CHOSEN}}})",
                    "Errors",
                ),
                Query(
                    f"histogram_quantile(0.95, sum by ({_EDGE}, le)"
                    f" (edge:request_duration_seconds_bucket:rate5m{{{_CHOSEN}}}))",
                    "95th percentile",
                ),
                units={"Calls": "reqps", "Errors": "percentunit", "95th percentile": "s"},
            )
        )
        .with_panel(
            graph(
                "Calls",
                "Calls a second.",
                "reqps",
                Query(f"sum by ({_EDGE}) (edge:requests:rate5m{{{_CHOSEN}}})", _ARROW),
            )
        )
        .with_panel(
            graph(
                "Errors",
                "Share of calls without a response or with a server error.",
                "percentunit",
                Query(
                    f"sum by ({_EDGE}) (edge:request_errors:rate5m{{{_CHOSEN}}})"
                    f" / sum by ({_EDGE}) (edge:requests:rate5m{{{_CHOSEN}}})",
                    _ARROW,
                ),
            )
        )
        .with_panel(
            graph(
                "Duration, 95th percentile",
                "Duration seen by the caller, including the network and retries by proxies.",
                "s",
                Query(
                    f"histogram_quantile(0.95, sum by ({_EDGE}, le)"
                    f" (edge:request_duration_seconds_bucket:rate5m{{{_CHOSEN}}}))",
                    _ARROW,
                ),
            )
        )
        .with_row(Row("Service graph"))
        .with_panel(
            graph(
                "Calls",
                "Calls a second counted from spans before sampling, databases and caches included.",
                "reqps",
                Query(f"sum by ({_SEEN}) (rate(traces_service_graph_request_total[$__rate_interval]))", _SEEN_ARROW),
            )
        )
        .with_panel(
            graph(
                "Failed",
                "Failed calls a second. Client errors (4xx) are not counted as failures.",
                "reqps",
                Query(
                    f"sum by ({_SEEN}) (rate(traces_service_graph_request_failed_total[$__rate_interval])) > 0",
                    _SEEN_ARROW,
                ),
                may_be_empty=True,
            )
        )
        .with_panel(
            graph(
                "Duration at the callee, 95th percentile",
                "Duration at the callee. The difference to the caller's is spent in the network and proxies.",
                "s",
                Query(
                    f"histogram_quantile(0.95, sum by ({_SEEN}, le)"
                    " (rate(traces_service_graph_request_server_seconds_bucket[$__rate_interval])))",
                    _SEEN_ARROW,
                ),
            )
        )
        .build()
    )
