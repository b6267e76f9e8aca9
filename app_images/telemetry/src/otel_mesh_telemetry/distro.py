"""Zero-code instrumentation: the entry points used by ``opentelemetry-instrument python app.py``.

The distribution selects the instrumentations; the configurator starts telemetry, as :func:`otel_mesh_telemetry.init`
does.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined] # no types upstream

from otel_mesh_telemetry.handle import init
from otel_mesh_telemetry.libraries import OURS, prefer_stable_conventions
from otel_mesh_telemetry.wsgi_hooks import server_options

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_log = logging.getLogger(__name__)


class MeshDistro(BaseDistro):  # type: ignore[misc] # as above
    """The distribution ``otel_mesh``: stable semantic conventions and this library's spans of ASGI servers."""

    def _configure(self, **_options: Any) -> None:  # noqa: ANN401 - none are known
        prefer_stable_conventions()

    def load_instrumentor(self, entry_point: EntryPoint, **options: Any) -> None:  # noqa: ANN401 - options of any instrumentor
        """Enable an instrumentation unless this library replaces it."""
        if entry_point.name in OURS:
            _log.debug("instrumentation %s skipped: otel_mesh_telemetry replaces it", entry_point.name)
            return
        if entry_point.name == "django" and not os.environ.get("DJANGO_SETTINGS_MODULE"):
            # Without it the instrumentation would configure empty settings in place of the application's.
            _log.warning("Django is not instrumented: DJANGO_SETTINGS_MODULE is not set; set it to your settings")
            return
        super().load_instrumentor(entry_point, **server_options(entry_point.name), **options)


class MeshConfigurator:
    """The configurator ``otel_mesh``: starts telemetry from the environment."""

    def configure(self, **_options: Any) -> None:  # noqa: ANN401 - options of opentelemetry-instrument
        """Start telemetry.

        Raises:
            ConfigError: The environment holds invalid values. ``opentelemetry-instrument`` logs the error and runs the
                application without telemetry.
        """
        init()
