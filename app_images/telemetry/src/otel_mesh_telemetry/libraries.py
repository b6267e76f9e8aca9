"""Enabling of the installed official instrumentations: HTTP clients, databases, Celery and others."""

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
"""Official instrumentations replaced by this library; with both, everything would be recorded twice."""

_SERVERS: Final = frozenset({"django", "flask", "otel_mesh_asgi"})  # enabled per application, see applications.py

_CONVENTIONS: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"


def prefer_stable_conventions() -> None:
    """Make official instrumentations use the stable conventions, unless OTEL_SEMCONV_STABILITY_OPT_IN is set.

    They read the variable once, when the first of them is enabled.
    """
    os.environ.setdefault(_CONVENTIONS, "http,database")


def instrument_libraries(leave_out: Collection[str] = ()) -> list[str]:
    """Enable every client instrumentation that is installed together with its library.

    OTEL_PYTHON_DISABLED_INSTRUMENTATIONS lists names to skip, ``*`` for all.

    Args:
        leave_out: Further names to skip.

    Returns:
        Names of the enabled instrumentations.
    """
    prefer_stable_conventions()
    disabled = {name.strip() for name in os.environ.get(_DISABLED, "").split(",")}
    if "*" in disabled:
        return []
    without = disabled | OURS | _SERVERS | set(leave_out)
    enabled = []
    for found in sorted(entry_points(group="opentelemetry_instrumentor"), key=lambda one: one.name):
        if found.name in without:
            continue
        try:
            instrumentor = found.load()()
            if not instrumentor.is_instrumented_by_opentelemetry:
                instrumentor.instrument(raise_exception_on_conflict=True)
            enabled.append(found.name)
        except DependencyConflictError as error:
            # Only an unsupported version deserves a warning, not a library that is not installed.
            level = logging.WARNING if error.conflict.found or error.conflict.found_any else logging.DEBUG
            _log.log(level, "instrumentation %s skipped: %s", found.name, error.conflict)
        except ModuleNotFoundError as error:
            _log.debug("instrumentation %s skipped: %s", found.name, error)
        except Exception:  # noqa: BLE001 - third-party code; the service must start even without this instrumentation
            _log.exception("instrumentation %s skipped: it failed to start", found.name)
    return enabled
