"""Translates the spans of a mesh's proxies to OpenTelemetry's semantic conventions.

The conventions are those for HTTP (https://opentelemetry.io/docs/specs/semconv/http/http-spans/). After the translation
one query finds the spans of a service and of its proxy, whatever the mesh is; the attribute `PROXY` distinguishes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.collector.envoy_spans import ENVOY_STATEMENTS
from otel_mesh.collector.linkerd_spans import LINKERD_STATEMENTS
from otel_mesh.collector.pipelines import Processor, Stage

if TYPE_CHECKING:
    from otel_mesh.mesh.binding import ProxySpans

_STATEMENTS: Final = {"envoy": ENVOY_STATEMENTS, "linkerd": LINKERD_STATEMENTS}


def translation(proxies: ProxySpans) -> tuple[Processor, ...]:
    """The processor for pipelines of traces; spans of anything but these proxies pass it unchanged.

    Args:
        proxies: Kind of the proxies; empty if they make no spans.
    """
    if not proxies:
        return ()
    # if a later proxy writes a span differently, keep the span untranslated rather than drop it
    settings = {"error_mode": "ignore", "trace_statements": [{"statements": list(_STATEMENTS[proxies])}]}
    return (Processor("transform/proxy_spans", settings, Stage.TRANSLATE),)
