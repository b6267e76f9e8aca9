"""Comparison of variants of A/B experiments, and of canary versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders.dashboard import Row

from dashboards.parts import Query, board, graph

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

_COUNT: Final = "shop_checkout_duration_seconds_count"
_OF_EXPERIMENTS: Final = 'feature_flag_key!=""'
_VARIANT: Final = "feature_flag_key, feature_flag_result_variant"
_VARIANT_LEGEND: Final = "{{feature_flag_key}}: {{feature_flag_result_variant}}"
_VERSION: Final = "service_name, service_version"
_VERSION_LEGEND: Final = "{{service_name}} {{service_version}}"
_SERVED: Final = '__name__=~"http_server_request_duration_seconds_count|rpc_server_call_duration_seconds_count"'
_BUCKETS: Final = '__name__=~"http_server_request_duration_seconds_bucket|rpc_server_call_duration_seconds_bucket"'


def _rate(by: str, selected: str) -> str:
    return f"sum by ({by}) (rate({selected}[$__rate_interval]))"


def _p95(by: str, selected: str) -> str:
    return f"histogram_quantile(0.95, {_rate(f'{by}, le', selected)})"


def dashboard() -> Dashboard:
    """The dashboard ``experiments``."""
    all_orders = _rate(_VARIANT, f"{_COUNT}{{{_OF_EXPERIMENTS}}}")
    paid = _rate(_VARIANT, f'{_COUNT}{{{_OF_EXPERIMENTS}, order_outcome="paid"}}')
    served, failed = _rate(_VERSION, f"{{{_SERVED}}}"), _rate(_VERSION, f'{{{_SERVED}, error_type!=""}}')
    return (
        board(
            "experiments",
            "Experiments and canaries",
            "Comparison of variants of A/B experiments, and of canary versions.",
        )
        .with_row(Row("Experiments: orders by variant"))
        .with_panel(
            graph(
                "Orders",
                "Orders a second, whatever their outcome.",
                "ops",
                Query(all_orders, _VARIANT_LEGEND),
                may_be_empty=True,
            )
        )
        .with_panel(
            graph(
                "Paid orders",
                "Share of the orders that are paid.",
                "percentunit",
                Query(f"{paid} / {all_orders}", _VARIANT_LEGEND),
                may_be_empty=True,
            )
        )
        .with_panel(
            graph(
                "Wait, 95th percentile",
                "Time until the buyer gets the outcome, or the notice that the order is settled later.",
                "s",
                Query(
                    _p95(_VARIANT, f"shop_checkout_duration_seconds_bucket{{{_OF_EXPERIMENTS}}}"),
                    _VARIANT_LEGEND,
                    exemplars=True,
                ),
                may_be_empty=True,
            )
        )
        .with_row(Row("Canaries: requests by version"))
        .with_panel(
            graph(
                "Requests",
                "Requests a second by the version of the service.",
                "reqps",
                Query(served, _VERSION_LEGEND),
            )
        )
        .with_panel(
            graph(
                "Failed requests",
                "Share of the requests that failed.",
                "percentunit",
                Query(f"({failed} or 0 * {served}) / {served}", _VERSION_LEGEND),
            )
        )
        .with_panel(
            graph(
                "Duration, 95th percentile",
                "Duration of requests by the version of the service.",
                "s",
                Query(_p95(_VERSION, f"{{{_BUCKETS}}}"), _VERSION_LEGEND),
            )
        )
        .with_panel(
            graph(
                "Orders through canaries",
                "Orders a second by outcome, with and without the canary mark of the mesh's routes.",
                "ops",
                Query(
                    _rate("otel_mesh_canary_routed, order_outcome", _COUNT),
                    "canary {{otel_mesh_canary_routed}}: {{order_outcome}}",
                ),
                width=24,
                may_be_empty=True,
            )
        )
        .build()
    )
