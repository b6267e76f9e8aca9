"""Versions beside each other: variants of an A/B experiment, canaries."""

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
        board("experiments", "Experiments and canaries", "Variants and versions beside each other.")
        .with_row(Row("Experiments: what buyers get to see, by variant"))
        .with_panel(
            graph(
                "Orders",
                "Orders a second that buyers asked for, however they ended.",
                "ops",
                Query(all_orders, _VARIANT_LEGEND),
                may_be_empty=True,
            )
        )
        .with_panel(
            graph(
                "Share that is paid",
                "Of the orders that buyers asked for.",
                "percentunit",
                Query(f"{paid} / {all_orders}", _VARIANT_LEGEND),
                may_be_empty=True,
            )
        )
        .with_panel(
            graph(
                "Wait, 95th percentile",
                "How long buyers waited for an order's end, or for being told that it is settled later.",
                "s",
                Query(
                    _p95(_VARIANT, f"shop_checkout_duration_seconds_bucket{{{_OF_EXPERIMENTS}}}"),
                    _VARIANT_LEGEND,
                    exemplars=True,
                ),
                may_be_empty=True,
            )
        )
        .with_row(Row("Canaries: what services answer, by version"))
        .with_panel(
            graph(
                "Requests",
                "Requests a second by the version that served them.",
                "reqps",
                Query(served, _VERSION_LEGEND),
            )
        )
        .with_panel(
            graph(
                "Share that fails",
                "Of the requests that a version served.",
                "percentunit",
                Query(f"({failed} or 0 * {served}) / {served}", _VERSION_LEGEND),
            )
        )
        .with_panel(
            graph(
                "Duration, 95th percentile",
                "Of the requests that a version served.",
                "s",
                Query(_p95(_VERSION, f"{{{_BUCKETS}}}"), _VERSION_LEGEND),
            )
        )
        .with_panel(
            graph(
                "Orders over canaries",
                "Orders a second by whether a route of the mesh marked them as a canary's, and how they ended.",
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
