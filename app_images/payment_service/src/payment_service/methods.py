"""Payment methods of the demonstration: how a payment goes is told by the token it is made with.

As with payment providers' test cards: declines, slowness and lost answers can be shown from outside. A setting
(``DEMONSTRATION_METHODS=off``) leaves only the one that works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Method:
    """How a payment with a method goes.

    Attributes:
        declined: whether it is declined.
        delay: seconds before it is decided; no longer than any request may take.
    """

    declined: bool = False
    delay: float = 0.0


APPROVED: Final = "pm_demo_approved"
METHODS: Final[Mapping[str, Method]] = {
    APPROVED: Method(),
    "pm_demo_declined": Method(declined=True),
    "pm_demo_slow": Method(delay=2.0),
    # Longer than anybody waits: the buyer is charged in the end, and whoever asked has gone without an answer.
    "pm_demo_stalled": Method(delay=30.0),
}
"""Token -> how it goes."""


def method(token: str, *, demonstration: bool) -> Method:
    """What a token stands for; one that is not known is declined, as a card is that nobody issued.

    Args:
        token: of the request.
        demonstration: whether more than the method that works is known.
    """
    known = METHODS if demonstration else {APPROVED: METHODS[APPROVED]}
    return known.get(token, Method(declined=True))
