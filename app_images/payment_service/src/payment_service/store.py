"""Payments in PostgreSQL; every method is one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from service_kit.idempotency import reused
from service_kit.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from service_kit.database import Database


class Status(StrEnum):
    """The status of a payment."""

    CAPTURED = "captured"
    DECLINED = "declined"
    VOIDED = "voided"
    """Cancelled before the payment arrived; it is rejected when it arrives."""
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment.

    Attributes:
        id: ID of the payment.
        order_id: ID of the paid order.
        status: Status of the payment.
        amount: Amount in cents; None if cancelled before the payment arrived.
        payment_method: Token of the payment method; None if cancelled before the payment arrived.
    """

    id: int
    order_id: int
    status: Status
    amount: int | None
    payment_method: str | None


@dataclass(frozen=True, slots=True)
class Charge:
    """A requested payment.

    Attributes:
        key: Idempotency key, one per order; it never expires, so that no order is paid twice.
        order_id: ID of the order to be paid.
        amount: Amount in cents.
        payment_method: Token of the payment method.
    """

    key: str
    order_id: int
    amount: int
    payment_method: str


_COLUMNS = "id, order_id, status, amount, payment_method"


class Store:
    """Store of the payments.

    Args:
        database: Database of this service.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, charge: Charge) -> Payment | None:
        """The payment with the key; None if it does not exist yet.

        Raises:
            Problem: 422 if the key was used for another payment.
            UnavailableError: The database is unavailable.
        """
        row = await self._database.fetch_one(
            f"SELECT {_COLUMNS} FROM payments WHERE key = %s",  # noqa: S608 - the columns are constants
            [charge.key],
        )
        return None if row is None else _same(_payment(row), charge)

    async def take(self, charge: Charge, *, declined: bool) -> tuple[Payment, bool]:
        """Capture or decline a payment; idempotent.

        Returns:
            The current payment, and True if this call created it.

        Raises:
            Problem: 422 if the key was used for another payment; 409 if the order has a payment with another key.
            UnavailableError: The database is unavailable; the payment may or may not have been stored.
        """
        async with self._database.transaction() as connection:
            made = await connection.execute(
                "INSERT INTO payments (key, order_id, status, amount, payment_method) VALUES (%s, %s, %s, %s, %s)"  # noqa: S608 - the same
                f" ON CONFLICT DO NOTHING RETURNING {_COLUMNS}",
                [
                    charge.key,
                    charge.order_id,
                    str(Status.DECLINED if declined else Status.CAPTURED),
                    charge.amount,
                    charge.payment_method,
                ],
            )
            row = await made.fetchone()
            if row is None:
                return _same(await _locked(connection, charge.key, charge.order_id), charge), False
            payment = _payment(row)
            if payment.status is Status.CAPTURED:
                await _move(connection, payment, "charge")
            return payment, True

    async def cancel(self, key: str, order_id: int) -> tuple[Payment, bool]:
        """Refund a captured payment, or void one that has not arrived; idempotent.

        Returns:
            The current payment, and True if this call changed it.

        Raises:
            Problem: 409 if the order has a payment with another key, or the key belongs to another order.
            UnavailableError: The database is unavailable; the payment may or may not have been cancelled.
        """
        async with self._database.transaction() as connection:
            made = await connection.execute(
                "INSERT INTO payments (key, order_id, status) VALUES (%s, %s, %s)"  # noqa: S608 - the same
                f" ON CONFLICT DO NOTHING RETURNING {_COLUMNS}",
                [key, order_id, str(Status.VOIDED)],
            )
            if (row := await made.fetchone()) is not None:
                return _payment(row), True
            payment = await _locked(connection, key, order_id)
            if payment.status is not Status.CAPTURED:
                return payment, False
            await _move(connection, payment, "refund")
            given_back = await connection.execute(
                f"UPDATE payments SET status = %s WHERE id = %s RETURNING {_COLUMNS}",  # noqa: S608 - the same
                [str(Status.REFUNDED), payment.id],
            )
            row = await given_back.fetchone()
            assert row is not None  # noqa: S101 - the row is locked
            return _payment(row), True

    async def get(self, payment_id: int) -> Payment | None:
        """A payment; None if it does not exist.

        Raises:
            UnavailableError: The database is unavailable.
        """
        row = await self._database.fetch_one(
            f"SELECT {_COLUMNS} FROM payments WHERE id = %s",  # noqa: S608 - the same
            [payment_id],
        )
        return None if row is None else _payment(row)


async def _locked(connection: psycopg.AsyncConnection[Any], key: str, order_id: int) -> Payment:
    """The existing payment that conflicts with a new one, locked."""
    found = await connection.execute(
        f"SELECT {_COLUMNS} FROM payments WHERE key = %s AND order_id = %s FOR UPDATE",  # noqa: S608 - the same
        [key, order_id],
    )
    row = await found.fetchone()
    if row is None:
        raise Problem(409, "the order has a payment with another key, or the key belongs to another order")
    return _payment(row)


def _same(payment: Payment, charge: Charge) -> Payment:
    asked = (charge.order_id, charge.amount, charge.payment_method)
    known = (payment.order_id, payment.amount, payment.payment_method)
    # if the payment was voided before it arrived, only its order is known
    if known != asked and (payment.status is not Status.VOIDED or payment.order_id != charge.order_id):
        raise reused()
    return payment


async def _move(connection: psycopg.AsyncConnection[Any], payment: Payment, kind: str) -> None:
    await connection.execute(
        "INSERT INTO movements (payment_id, kind, amount) VALUES (%s, %s, %s)", [payment.id, kind, payment.amount]
    )


def _payment(row: Sequence[Any]) -> Payment:
    return Payment(row[0], row[1], Status(row[2]), row[3], row[4])
