"""A mistake in a stack's settings, with the messages of the program."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Mistake:
    """A mistake in a stack's settings.

    Attributes:
        what: in words.
        changes: to the settings of stack ``local``, by path.
        told: the messages, in their order.
        in_editor: whether the JSON schema shows it too.
        beside: keys of the stack's configuration beside its settings.
    """

    what: str
    changes: dict[str, Any]
    told: tuple[str, ...]
    in_editor: bool = True
    beside: dict[str, Any] = field(default_factory=dict)
