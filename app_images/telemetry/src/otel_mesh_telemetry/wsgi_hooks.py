"""Server features for Flask and Django, whose server spans come from the official instrumentations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

from otel_mesh_telemetry import redact
from otel_mesh_telemetry.asgi import PROBES
from otel_mesh_telemetry.features import Features
from otel_mesh_telemetry.server_features import features_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.trace import Span

    from otel_mesh_telemetry.features import Feature

_MAX_PATH_LENGTH = 1024

EXCLUDED = ",".join(f"{re.escape(path)}$" for path in PROBES)
"""Paths without spans: regular expressions for the official instrumentations, separated by commas."""


def wsgi_hook(features: Sequence[Feature]) -> Callable[[Span, Mapping[str, Any]], None]:
    """A ``request_hook`` for Flask's instrumentation that adds the attributes of features.

    It also redacts the values of the query, which the official instrumentation records, and sets the path, which that
    records only under servers with ``REQUEST_URI``.

    Features that change the context are ignored: the hook runs too late for them.
    """
    reading = Features([feature for feature in features if not feature.changes_context])
    names = {name: f"HTTP_{name.upper().replace('-', '_')}" for name in reading.headers}

    def record(span: Span, environ: Mapping[str, Any]) -> None:
        if span.is_recording():
            carrier = {name: environ[key] for name, key in names.items() if key in environ}
            reading.apply(carrier, span, Context())
            span.set_attribute("url.path", str(environ.get("PATH_INFO", ""))[:_MAX_PATH_LENGTH])
            if query := environ.get("QUERY_STRING"):
                span.set_attribute("url.query", redact.query(query))

    return record


def server_options(framework: str, features: Sequence[Feature] | None = None) -> dict[str, Any]:
    """Options for the instrumentation of ``flask`` or ``django``; empty for any other name.

    Raises:
        ConfigError: The variables of :func:`~otel_mesh_telemetry.features_from` have invalid values.
    """
    if framework not in ("flask", "django"):
        return {}
    record = wsgi_hook(features_from() if features is None else features)
    hook = record if framework == "flask" else lambda span, request: record(span, request.META)
    return {"request_hook": hook, "excluded_urls": EXCLUDED}
