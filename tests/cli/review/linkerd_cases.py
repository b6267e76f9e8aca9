"""Changes to stack `prod` with Linkerd in place of Istio, whose reports say what they say on Istio."""

from __future__ import annotations

from typing import Final

from tests.cli.review.cases import CANARY, Case, service, settings

LINKERD: Final = settings("kind: istio\n", "kind: linkerd\n")
"""The edit that makes a base with Linkerd."""
_FAULT: Final = """\
        traffic:
          fault:
            delay: { duration: 5s, percentage: 10 }
            abort: { status: 503, percentage: 10 }
            expires: 2020-12-31
"""
_TIMEOUT: Final = "        traffic: { resilience: { timeout: 15s } }\n"
_RETRIED: Final = "        traffic: { resilience: { retries: { attempts: 2, try_timeout: 1s } } }\n"

CASES: Final = (
    Case(
        "canary begins on Linkerd",
        "5 % of the requests to shop/user-service go to version v2 (before: 0 %); requests to shop/user-"
        "service (with x-canary: true) go to version v2 (before: all pods of the Service); no data is "
        "deleted.",
        service("user-service", CANARY),
        base=LINKERD,
    ),
    Case(
        "canary step on Linkerd",
        "25 % of the requests to shop/order-service go to version v2 (before: 5 %); no data is deleted.",
        settings("weight: 5,", "weight: 25,"),
        base=(*LINKERD, *service("order-service", CANARY)),
    ),
    Case(
        "forgotten fault on Linkerd",
        "A fault reaches production at shop/order-service: delay 5s for 10 %, abort 503 for 10 %, overdue "
        "since 2020-12-31; no data is deleted.",
        service("order-service", _FAULT),
        base=LINKERD,
    ),
    Case(
        "fault in a canary on Linkerd",
        "2 faults reach production; no data is deleted.",
        settings(CANARY, CANARY + _FAULT.partition("\n")[2].replace("2020", "2099")),
        base=(*LINKERD, *service("order-service", CANARY)),
    ),
    Case(
        "fault ends on Linkerd",
        "5 objects change without a known risk; no data is deleted.",
        settings(f"    services:\n      order-service:\n{_FAULT}", ""),
        base=(*LINKERD, *service("order-service", _FAULT)),
    ),
    Case(
        "timeout shortened on Linkerd",
        "The timeout of shop/order-service becomes 2500ms; no data is deleted.",
        settings("timeout: 15s", "timeout: 2500ms"),
        base=(*LINKERD, *service("order-service", _TIMEOUT)),
    ),
    Case(
        "caller added on Linkerd",
        "reviews/reviews may call shop/payment-service; no data is deleted.",
        service("payment-service", "        callers: [{ namespace: reviews, service_account: reviews }]\n"),
        base=LINKERD,
    ),
)

OWN: Final = (
    Case(
        "retries at two hops on Linkerd",
        "One request may become 9 at shop/payment-service; no data is deleted.",
        settings(
            "    services:\n      order-service:\n",
            f"    services:\n      payment-service:\n{_RETRIED}      order-service:\n",
        ),
        base=(*LINKERD, *service("order-service", _RETRIED)),
    ),
)
"""Changes whose reports differ from those on Istio, whose gateway is a hop that retries too."""
