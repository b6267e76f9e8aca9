"""The mesh's words about a request, for applications whose server spans the official instrumentations make."""

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

_LONGEST_PATH = 1024

EXCLUDED = ",".join(f"{re.escape(path)}$" for path in PROBES)
"""Addresses without a span, as the official instrumentations take them: regular expressions."""


def wsgi_hook(features: Sequence[Feature]) -> Callable[[Span, Mapping[str, Any]], None]:
    """A ``request_hook`` of Flask's instrumentation: attributes of the features that only read headers.

    The query loses its values, and the path is told whatever the server is: the official instrumentation records
    the one whole, and the other under servers that give ``REQUEST_URI`` only.

    What a feature changes of the context doesn't reach the handler: the hook comes too late for it.
    """
    reading = Features([feature for feature in features if not feature.changes_context])
    names = {name: f"HTTP_{name.upper().replace('-', '_')}" for name in reading.headers}

    def tell(span: Span, environ: Mapping[str, Any]) -> None:
        if span.is_recording():
            carrier = {name: environ[key] for name, key in names.items() if key in environ}
            reading.apply(carrier, span, Context())
            span.set_attribute("url.path", str(environ.get("PATH_INFO", ""))[:_LONGEST_PATH])
            if query := environ.get("QUERY_STRING"):
                span.set_attribute("url.query", redact.query(query))

    return tell


def server_options(framework: str, features: Sequence[Feature] | None = None) -> dict[str, Any]:
    """What the instrumentation of ``flask`` or ``django`` is given; nothing for any other name.

    Raises:
        ConfigError: as :func:`~otel_mesh_telemetry.features_from`.
    """
    if framework not in ("flask", "django"):
        return {}
    tell = wsgi_hook(features_from() if features is None else features)
    hook = tell if framework == "flask" else lambda span, request: tell(span, request.META)
    return {"request_hook": hook, "excluded_urls": EXCLUDED}
