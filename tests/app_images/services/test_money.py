"""Amounts are whole hundredths inside and exact decimal text outside."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from service_kit import money
from service_kit.new_order import NewOrder


@given(st.integers(0, 10**11 - 1))
def test_text_and_hundredths_are_the_same_amount(amount: int) -> None:
    assert money.cents(money.text(amount)) == amount
    assert Decimal(money.text(amount)) * 100 == amount


@given(st.floats() | st.integers() | st.none() | st.booleans() | st.text())
def test_whatever_is_no_such_text_is_refused_without_being_told(value: object) -> None:
    try:
        amount = money.cents(value)
    except ValueError as error:
        assert str(error) == 'must be text with two decimals, such as "29.99"'  # noqa: PT017 - most are refused
    else:
        assert money.text(amount) == value


def test_the_seed_s_order_is_10997_hundredths_and_goes_on_as_text() -> None:
    items = '{"product_id":1,"quantity":2,"price":"29.99"},{"product_id":2,"quantity":1,"price":"49.99"}'
    body = f'{{"user_id":123,"items":[{items}]}}'
    wanted = NewOrder.model_validate_json(body)
    assert sum(item.quantity * (item.price or 0) for item in wanted.items) == 10997
    assert NewOrder.model_validate_json(wanted.model_dump_json()) == wanted
    assert '"price":"29.99"' in wanted.model_dump_json()
    with pytest.raises(ValidationError, match="two decimals"):
        NewOrder.model_validate_json(body.replace('"29.99"', "29.99"))
