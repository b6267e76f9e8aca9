"""Orders and payments of the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders.dashboard import Row

from dashboards.parts import Query, board, graph, number

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard


def dashboard() -> Dashboard:
    """The dashboard ``orders``."""
    return (
        board("orders", "Orders and payments", "Orders and payments by outcome. A declined payment is not an error.")
        .with_row(Row("Now"))
        .with_panel(
            number(
                "Orders of the last day",
                "Completed orders of the last 24 hours, by outcome.",
                "short",
                Query("sum by (order_outcome) (increase(shop_orders_total[1d]))", "{{order_outcome}}"),
                may_be_empty=True,
            )
        )
        .with_panel(
            number(
                "Payments of the last day",
                "Payments and refunds of the last 24 hours, by outcome.",
                "short",
                Query("sum by (payment_outcome) (increase(shop_payments_total[1d]))", "{{payment_outcome}}"),
                may_be_empty=True,
            )
        )
        .with_panel(
            number(
                "Orders set aside",
                "Orders that could not be settled and need manual intervention (alert OrdersSetAside).",
                "short",
                Query("max(shop_orders_dead)", "set aside"),
            )
        )
        .with_row(Row("Over time"))
        .with_panel(
            graph(
                "Orders",
                "Completed orders a second, by outcome.",
                "ops",
                Query("sum by (order_outcome) (rate(shop_orders_total[$__rate_interval]))", "{{order_outcome}}"),
                width=12,
                may_be_empty=True,
            )
        )
        .with_panel(
            graph(
                "Payments",
                "Payments and refunds a second, by outcome.",
                "ops",
                Query("sum by (payment_outcome) (rate(shop_payments_total[$__rate_interval]))", "{{payment_outcome}}"),
                width=12,
                may_be_empty=True,
            )
        )
        .build()
    )
