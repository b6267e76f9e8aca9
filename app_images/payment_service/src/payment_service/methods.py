"""Payment methods of the demonstration: how a payment goes is told by the token it is made with.

As with payment providers' test cards: success, declines, slowness and lost answers can be shown from outside. Nobody
pays anything by them, so they are known only where a setting says so (``DEMONSTRATION_METHODS=on``). There are no
others yet: without it every payment is declined.
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


METHODS: Final[Mapping[str, Method]] = {
    "pm_demo_approved": Method(),
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
        demonstration: whether those of the demonstration are known.
    """
    declined = Method(declined=True)
    return METHODS.get(token, declined) if demonstration else declined
