"""Creations that failed in an update of the CLI, from its event log.

Where the provider was killed while it created an object (the machine was short of memory), the CLI takes the object
for absent and keeps no record of it; only its event log tells which one it was.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

VARIABLES: Final[Mapping[str, str]] = {"PULUMI_DEBUG_COMMANDS": "true"}
"""The CLI has the option ``--event-log`` only with these."""
_CREATIONS: Final = frozenset({"create", "create-replacement"})
_FIELDS: Final = ("urn", "type", "custom", "parent", "provider", "inputs")
_CLOCK_SLACK_S: Final = 5
"""How far the cluster's clock may be ahead of ours or behind it."""


@dataclass(frozen=True)
class FailedCreations:
    """Creations that failed in one update.

    Attributes:
        began: Start of the update, in seconds since the epoch.
        resources: The resources, with the fields of a state; secrets in their inputs are masked.
    """

    began: float
    resources: Sequence[dict[str, Any]] = ()

    def has_made(self, found: Mapping[str, Any]) -> bool:
        """Whether an object in the cluster is from that update and not from before it."""
        made = datetime.fromisoformat(found["metadata"]["creationTimestamp"])
        return made.timestamp() >= self.began - _CLOCK_SLACK_S


def read(log: Path) -> FailedCreations:
    """The failed creations in an event log; none if there is no log."""
    began, resources = float("inf"), []
    if log.exists():
        for line in log.read_text().splitlines():
            try:
                event = json.loads(line)
            except ValueError:  # the CLI was killed while it wrote this
                continue
            began = min(began, event["timestamp"])
            failed = event.get("resOpFailedEvent", {}).get("metadata", {})
            if failed.get("op") in _CREATIONS:
                resources.append({name: failed["new"][name] for name in _FIELDS if name in failed["new"]})
    return FailedCreations(began, resources)
