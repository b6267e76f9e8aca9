"""Payment methods of the demonstration: the token of a payment determines its outcome.

Like the test cards of payment providers, they demonstrate success, declines, slow responses and lost responses. They
charge nobody and are therefore enabled only by ``DEMONSTRATION_METHODS=on``. There are no other methods yet: otherwise
every payment is declined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Method:
    """The behaviour of a payment method.

    Attributes:
        declined: True: payments are declined.
        delay: Seconds before the decision; at most the longest time of a request.
    """

    declined: bool = False
    delay: float = 0.0


METHODS: Final[Mapping[str, Method]] = {
    "pm_demo_approved": Method(),
    "pm_demo_declined": Method(declined=True),
    "pm_demo_slow": Method(delay=2.0),
    # Longer than callers wait: the buyer is charged after the caller has given up.
    "pm_demo_stalled": Method(delay=30.0),
}
"""Token -> payment method."""


def method(token: str, *, demonstration: bool) -> Method:
    """The payment method of a token; payments with an unknown token are declined.

    Args:
        token: Token in the request.
        demonstration: True: the tokens of the demonstration are accepted.
    """
    declined = Method(declined=True)
    return METHODS.get(token, declined) if demonstration else declined
