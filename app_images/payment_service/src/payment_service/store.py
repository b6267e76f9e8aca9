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
    """What became of a payment."""

    CAPTURED = "captured"
    DECLINED = "declined"
    VOIDED = "voided"
    """Cancelled before it came; it will never be taken."""
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment; amount in cents, None of one that was cancelled before it came."""

    id: int
    order_id: int
    status: Status
    amount: int | None
    payment_method: str | None


@dataclass(frozen=True, slots=True)
class Charge:
    """What is to be paid, under which key: one for each order, which never ends, since no payment may come twice."""

    key: str
    order_id: int
    amount: int
    payment_method: str


_COLUMNS = "id, order_id, status, amount, payment_method"


class Store:
    """Payments over a database.

    Args:
        database: of this service.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, charge: Charge) -> Payment | None:
        """The payment that a key made before, None when there is none.

        Raises:
            Problem: 422, the key was used for another payment.
            UnavailableError: the database does not answer.
        """
        row = await self._database.fetch_one(
            f"SELECT {_COLUMNS} FROM payments WHERE key = %s",  # noqa: S608 - columns are ours
            [charge.key],
        )
        return None if row is None else _same(_payment(row), charge)

    async def take(self, charge: Charge, *, declined: bool) -> tuple[Payment, bool]:
        """Take a payment, or decline it; once, however often it is asked for.

        Returns:
            The payment as it is now, and whether this call made it.

        Raises:
            Problem: 422, the key was used for another payment; 409, the order has a payment with another key.
            UnavailableError: the database does not answer; the payment may be made.
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
        """Give a payment back, or see to it that it is never taken.

        Returns:
            The payment as it is now, and whether this call changed it.

        Raises:
            Problem: 409, the order has a payment with another key, or the key belongs to another order.
            UnavailableError: the database does not answer; the payment may be cancelled.
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
            assert row is not None  # noqa: S101 - it is locked
            return _payment(row), True

    async def get(self, payment_id: int) -> Payment | None:
        """A payment, None when there is none.

        Raises:
            UnavailableError: the database does not answer.
        """
        row = await self._database.fetch_one(
            f"SELECT {_COLUMNS} FROM payments WHERE id = %s",  # noqa: S608 - the same
            [payment_id],
        )
        return None if row is None else _payment(row)


async def _locked(connection: psycopg.AsyncConnection[Any], key: str, order_id: int) -> Payment:
    """The payment that was in the way of a new one."""
    found = await connection.execute(
        f"SELECT {_COLUMNS} FROM payments WHERE key = %s AND order_id = %s FOR UPDATE",  # noqa: S608 - the same
        [key, order_id],
    )
    row = await found.fetchone()
    if row is None:
        raise Problem(409, "the order has a payment with another key, or the key a payment of another order")
    return _payment(row)


def _same(payment: Payment, charge: Charge) -> Payment:
    asked = (charge.order_id, charge.amount, charge.payment_method)
    known = (payment.order_id, payment.amount, payment.payment_method)
    # of one that was cancelled before it came, only the order is known
    if known != asked and (payment.status is not Status.VOIDED or payment.order_id != charge.order_id):
        raise reused()
    return payment


async def _move(connection: psycopg.AsyncConnection[Any], payment: Payment, kind: str) -> None:
    await connection.execute(
        "INSERT INTO movements (payment_id, kind, amount) VALUES (%s, %s, %s)", [payment.id, kind, payment.amount]
    )


def _payment(row: Sequence[Any]) -> Payment:
    return Payment(row[0], row[1], Status(row[2]), row[3], row[4])
