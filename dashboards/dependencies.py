"""Who calls whom: as callers measure it, and as traces show it."""

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
        board("dependencies", "Dependencies", "Who calls whom, how often, with which success, and how long it takes.")
        .with_variable(choice("service", "Caller", "label_values(edge:requests:rate5m, service_name)"))
        .with_row(Row("As callers measure them"))
        .with_panel(
            rows(
                "Calls",
                "Every call that a service makes to another. A callee's 4xx is an answer, not an error.",
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
                "Share of calls that got no answer, or a server's error.",
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
                "As the caller waits for it: the network and retries of a proxy are in it.",
                "s",
                Query(
                    f"histogram_quantile(0.95, sum by ({_EDGE}, le)"
                    f" (edge:request_duration_seconds_bucket:rate5m{{{_CHOSEN}}}))",
                    _ARROW,
                ),
            )
        )
        .with_row(Row("As traces show them"))
        .with_panel(
            graph(
                "Calls",
                "Calls a second that the Collector finds in traces, stores included; counted before sampling.",
                "reqps",
                Query(f"sum by ({_SEEN}) (rate(traces_service_graph_request_total[$__rate_interval]))", _SEEN_ARROW),
            )
        )
        .with_panel(
            graph(
                "Failed",
                "Calls a second that failed; a 4xx is an answer.",
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
                "Beside the caller's figure above: what lies between is the network's and the proxies'.",
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
