"""S1.10: an experiment and canaries, used by services and measured by what buyers get to see."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, context

from api_gateway.checkout import Checkout
from otel_mesh_telemetry.testing import Capture, capture
from service_kit.experiments import CONTROL, EXPERIMENT, order_patience
from service_kit.problem import Problem
from service_kit.settings import Environment, SettingsError
from tests.app_images.services.shop import ORDER
from tests.app_images.telemetry.otlp_receiver import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.app_images.services.shop import Shop
    from tests.app_images.telemetry.otlp_receiver import Receiver

    Pair = tuple[Shop, Receiver]

HALF = order_patience(Environment({"ORDER_PATIENCE_SHARE": "0.5"}))
PATIENCE = {CONTROL: 9.0, EXPERIMENT: 6.0}


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture() as running:
        yield running


def test_without_a_share_there_is_no_experiment_and_a_wrong_one_is_refused() -> None:
    assert order_patience(Environment({})) is None
    with pytest.raises(SettingsError, match="ORDER_PATIENCE_SHARE='2': not a number from 0 to 1"):
        order_patience(Environment({"ORDER_PATIENCE_SHARE": "2"}))


@pytest.mark.parametrize(("variant", "seconds"), [(CONTROL, 9.0), (EXPERIMENT, 6.0), ("forged", 9.0), (None, 9.0)])
def test_the_variant_decides_how_long_an_order_may_take(seen: Capture, variant: str | None, seconds: float) -> None:
    assert HALF is not None
    token = context.attach(baggage.set_baggage(HALF.entry, variant) if variant else context.get_current())
    try:
        assert Checkout(PATIENCE, HALF, seen.meter_provider).seconds == seconds
        assert Checkout(PATIENCE, None, seen.meter_provider).seconds == 9.0
    finally:
        context.detach(token)


def test_what_buyers_see_is_measured_by_outcome_and_canary(seen: Capture) -> None:
    checkout = Checkout(PATIENCE, None, seen.meter_provider)

    def end(status: int | None, **headers: str) -> None:
        with checkout.measured({name.replace("_", "-"): value for name, value in headers.items()}):
            if status is not None:
                raise Problem(status, "no")

    end(None, x_trace_version="2.0.0")
    for status in (402, 422, 504):
        with pytest.raises(Problem):
            end(status, x_trace_version="no version, surely")
    with pytest.raises(ArithmeticError), checkout.measured({}):
        raise ArithmeticError
    assert seen.counts("shop.checkout.duration", "order.outcome") == {
        "paid": 1,
        "declined": 1,
        "refused": 1,
        "failed": 2,
    }
    assert seen.counts("shop.checkout.duration", "otel_mesh.canary.routed") == {True: 1, False: 4}


def test_a_buyer_is_in_the_same_variant_in_every_service(shop: Pair) -> None:
    running, receiver = shop
    assert HALF is not None
    users = {HALF.assign(str(user)): str(user) for user in range(50)}
    assert set(users) == {CONTROL, EXPERIMENT}
    traces = {variant: uuid.uuid4().hex for variant in users}
    for variant, user in users.items():
        headers = {"traceparent": f"00-{traces[variant]}-00000000000000aa-01", "x-user-id": user}
        assert running.post(ORDER, headers=headers).status_code == 201

    def told(variant: str) -> dict[str, Any]:
        """Service -> what its server span says of the experiment."""
        return {
            about["service.name"]: plain(span.attributes).get("feature_flag.result.variant")
            for about, span in receiver.spans
            if span.trace_id.hex() == traces[variant] and span.kind == 2 and "orders" in span.name
        }

    for variant in users:
        wanted = {"api-gateway": variant, "order-service": variant}
        receiver.wait_for(lambda: told(variant) == wanted)  # noqa: B023 - asked at once

    def measured() -> set[tuple[str, str]]:
        points = (
            plain(point.attributes)
            for _, metric in receiver.metrics
            if metric.name == "shop.checkout.duration"
            for point in metric.histogram.data_points
        )
        return {(one["feature_flag.result.variant"], one["order.outcome"]) for one in points}

    receiver.wait_for(lambda: {(variant, "paid") for variant in users} <= measured())
    assert not [one for _, span in receiver.spans for one in plain(span.attributes).values() if one in users.values()]
