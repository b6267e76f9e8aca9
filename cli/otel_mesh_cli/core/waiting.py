"""Trying until something has come that is on its way."""

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
    """Try until there is a result; a refused connection is one more failed try (a pod may be on its way back).

    Args:
        attempt: has a result, or None.
        deadline_s: seconds to try for.
        failure: says what did not come.
        remedy: what to do then.

    Raises:
        CommandError: there was no result in time.
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
