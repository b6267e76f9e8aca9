"""Waiting for a result that takes a while to arrive."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import httpx

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_POLL_S = 0.25


def wait(attempt: Callable[[], T | None], deadline_s: float, failure: Callable[[], str], remedy: str) -> T:
    """Try until there is a result; a refused connection is a failed attempt too, as a pod may be restarting.

    Args:
        attempt: Returns a result, or None if there is none yet.
        deadline_s: Seconds to keep trying.
        failure: Describes the missing result.
        remedy: As in `CommandError`.

    Raises:
        CommandError: There was no result in time.
    """
    end = time.monotonic() + deadline_s
    trouble = ""
    while True:
        try:
            if (result := attempt()) is not None:
                return result
            trouble = ""
        except (httpx.HTTPError, CommandError) as error:
            trouble = f" ({error.message if isinstance(error, CommandError) else error})"
        if time.monotonic() > end:
            raise CommandError(f"{failure()} within {deadline_s:g} s{trouble}", remedy=remedy)
        time.sleep(_POLL_S)
