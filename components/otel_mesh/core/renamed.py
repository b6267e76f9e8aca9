"""Renamed keys of settings: the old name is rejected, and the message contains the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

RENAMED: Final[Mapping[str, tuple[str, str]]] = {
    "spread_over": ("topology_keys", "rename the key, the value stays"),
    "traces": ("num_traces", "rename the key, the value stays"),
    "slow_ms": ("threshold_ms", "rename the key, the value stays"),
    "ordinary_ratio": ("sampling_percentage", "rename the key and write percent: 10 in place of 0.1"),
}
"""Old key -> new key and remedy."""


def renamed(key: str, valid: Collection[str]) -> tuple[str, str] | None:
    """The reason and the remedy for a key that has been renamed.

    Args:
        key: Unknown key.
        valid: Valid keys at the same place.
    """
    if key not in RENAMED or RENAMED[key][0] not in valid:
        return None
    new, remedy = RENAMED[key]
    return f"renamed to {new}", remedy
