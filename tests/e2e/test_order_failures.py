"""S2.9: a workload of the shop killed under light load: callers get correct answers in time; recovery is automatic."""

from __future__ import annotations

import time
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx
import pytest

from otel_mesh_cli.oncall import traces
from otel_mesh_cli.smoke import arrival, request
from otel_mesh_cli.stacks.addresses import JAEGER
from tests.e2e.orders import DEADLINE_S, Answer, Load, rows
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

pytestmark = [pytest.mark.e2e, pytest.mark.full]

RIGHT = {
    HTTPStatus.CREATED,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
OPEN = "SELECT count(*) FROM orders WHERE status IN ('created', 'payment_pending', 'cancelling')"
DOWN_S = 15


def _scaled(kubectl: Callable[..., str], workload: str) -> Callable[[], None]:
    """Delete the pods of a workload at once, as if its node were lost, and restore it."""

    def disturb() -> None:
        kubectl("scale", "-n", "shop", workload, "--replicas=0")
        name = workload.partition("/")[2]
        selector = f"--selector=app.kubernetes.io/name={name}"
        kubectl("delete", "pod", "-n", "shop", selector, "--force", "--grace-period=0", "--wait=true")
        time.sleep(DOWN_S)
        kubectl("scale", "-n", "shop", workload, "--replicas=1")
        kubectl("rollout", "status", "-n", "shop", workload, "--timeout=180s")
        kubectl("wait", "-n", "shop", "--for=condition=Available", "deployment", "--all", "--timeout=180s")
        time.sleep(5)  # a few orders more

    return disturb


def _settled(kubectl: Callable[..., str], keys: Sequence[str]) -> None:
    """Wait until the shop has completed every order, each charged at most once."""
    wait_for(
        lambda: rows(kubectl, "order_service", OPEN) == [["0"]],
        lambda: "orders are left behind",
        patience_s=180,
        every_s=1,
    )
    listed = ", ".join(f"'{key}'" for key in keys)
    query = f"SELECT key, id, status, total FROM orders JOIN order_keys ON id = order_id WHERE key IN ({listed})"  # noqa: S608 -- ours
    moved = "SELECT order_id, kind, m.amount FROM movements m JOIN payments p ON p.id = payment_id"
    movements: dict[str, list[tuple[str, str]]] = {}
    for order_id, kind, amount in rows(kubectl, "payment_service", moved):
        movements.setdefault(order_id, []).append((kind, amount))
    stored = rows(kubectl, "order_service", query)
    assert len({row[0] for row in stored}) == len(stored)
    for key, order_id, status, total in stored:
        kinds = sorted(kind for kind, _ in movements.get(order_id, []))
        assert (status, kinds) in (("paid", ["charge"]), ("cancelled", []), ("cancelled", ["charge", "refund"])), key
        assert {amount for _, amount in movements.get(order_id, [])} <= {total}


def _named(culprits: set[str], failed: Sequence[Answer]) -> None:
    """The trace of a failed order shows the failed call to the culprit, or its failed server or database span."""
    with request.client() as http:
        end = time.monotonic() + arrival.TRACE_DEADLINE_S
        while time.monotonic() < end:
            for answer in failed:
                for span in traces.fetch(http, JAEGER.url, answer.trace_id):
                    told = {span.tags.get("service.peer.name"), span.tags.get("db.system.name"), span.service}
                    if span.failed and told & culprits:
                        return
            time.sleep(1)
    raise AssertionError(f"no trace names any of {culprits}")


def _told(answers: Sequence[Answer]) -> str:
    """For the summary: count of each status, and the longest response time."""
    counted = Counter(answer.status for answer in answers)
    statuses = ", ".join(f"{number} x {status}" for status, number in sorted(counted.items()))
    return f"{statuses} | longest {max(answer.seconds for answer in answers):.1f} s"


@pytest.mark.parametrize(
    ("workload", "culprits"),
    [
        ("deployment/payment-service", {"payment-service"}),
        ("deployment/order-service", {"order-service"}),
        ("deployment/user-service", {"user-service"}),
        ("statefulset/postgres", {"postgresql", "user-service", "order-service", "payment-service"}),
    ],
)
def test_s2_9_a_pod_killed_under_load_causes_bounded_errors_and_recovers_unaided(
    kubectl: Callable[..., str],
    workload: str,
    culprits: set[str],
    record_property: Callable[[str, object], None],
) -> None:
    load = Load()
    answers = load.during(_scaled(kubectl, workload))
    record_property("killed", f"{workload}: {_told(answers)}")
    failed = [answer for answer in answers if answer.status != HTTPStatus.CREATED]
    assert failed, "the failure was not noticed"
    assert {answer.status for answer in answers} <= RIGHT, [a for a in answers if a.status not in RIGHT]
    assert max(answer.seconds for answer in answers) < DEADLINE_S
    _named(culprits, failed)
    with httpx.Client(trust_env=False) as http:
        again = [load.once(http, answer.key) for answer in failed]
    # paid now, or cancelled because its payment took too long; never an error any more
    assert {answer.status for answer in again} <= {HTTPStatus.CREATED, HTTPStatus.CONFLICT}
    assert answers[-1].status == HTTPStatus.CREATED
    _settled(kubectl, [answer.key for answer in answers])


def test_s2_9_a_killed_cache_fails_no_order_and_shows_in_the_traces(
    kubectl: Callable[..., str], record_property: Callable[[str, object], None]
) -> None:
    answers = Load().during(_scaled(kubectl, "deployment/redis"))
    record_property("killed", f"deployment/redis: {_told(answers)}")
    assert {answer.status for answer in answers} == {HTTPStatus.CREATED}
    assert max(answer.seconds for answer in answers) < DEADLINE_S
    _named({"redis"}, answers)
    _settled(kubectl, [answer.key for answer in answers])
