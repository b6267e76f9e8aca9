"""Switches on the official instrumentations that are installed: HTTP clients, databases, Celery and others."""

from __future__ import annotations

import logging
import os
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

from opentelemetry.instrumentation.dependencies import DependencyConflictError

if TYPE_CHECKING:
    from collections.abc import Collection

_log = logging.getLogger(__name__)

OURS: Final = frozenset({"fastapi", "starlette", "logging"})
"""Official instrumentations whose work this library does itself; with both, everything would be told twice."""

_SERVERS: Final = frozenset({"django", "flask", "otel_mesh_asgi"})  # an application at a time: see applications

_CONVENTIONS: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"


def prefer_stable_conventions() -> None:
    """Let official instrumentations speak as this library does, unless OTEL_SEMCONV_STABILITY_OPT_IN says otherwise.

    They read it once, when the first of them is switched on.
    """
    os.environ.setdefault(_CONVENTIONS, "http,database")


def instrument_libraries(leave_out: Collection[str] = ()) -> list[str]:
    """Switch on every client instrumentation that is installed together with what it instruments.

    OTEL_PYTHON_DISABLED_INSTRUMENTATIONS lists names to leave out, ``*`` for all.

    Args:
        leave_out: more names to leave out.

    Returns:
        The names of those that are on.
    """
    prefer_stable_conventions()
    disabled = {name.strip() for name in os.environ.get(_DISABLED, "").split(",")}
    if "*" in disabled:
        return []
    without = disabled | OURS | _SERVERS | set(leave_out)
    switched = []
    for found in sorted(entry_points(group="opentelemetry_instrumentor"), key=lambda one: one.name):
        if found.name in without:
            continue
        try:
            instrumentor = found.load()()
            if not instrumentor.is_instrumented_by_opentelemetry:
                instrumentor.instrument(raise_exception_on_conflict=True)
            switched.append(found.name)
        except DependencyConflictError as error:
            # Not installed is nothing to tell of; a version that is too old or too new is.
            level = logging.WARNING if error.conflict.found or error.conflict.found_any else logging.DEBUG
            _log.log(level, "instrumentation %s is left out: %s", found.name, error.conflict)
        except ModuleNotFoundError as error:
            _log.debug("instrumentation %s is left out: %s", found.name, error)
        except Exception:  # noqa: BLE001 - of any package; a service without a part of its telemetry is better than none
            _log.exception("instrumentation %s failed and is left out", found.name)
    return switched
