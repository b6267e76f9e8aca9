"""Translates the spans of a mesh's proxies to OpenTelemetry's semantic conventions.

The conventions are those for HTTP (https://opentelemetry.io/docs/specs/semconv/http/http-spans/). After the translation
one query finds the spans of a service and of its proxy, whatever the mesh is; the attribute `PROXY` distinguishes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.collector.envoy_spans import ENVOY_STATEMENTS, GATEWAY_POD
from otel_mesh.collector.linkerd_spans import LINKERD_STATEMENTS
from otel_mesh.collector.pipelines import Processor, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_mesh.mesh.binding import ProxySpans

_STATEMENTS: Final = {
    "envoy": ENVOY_STATEMENTS,
    "linkerd": LINKERD_STATEMENTS,
    "envoy+linkerd": (*ENVOY_STATEMENTS, *LINKERD_STATEMENTS),
}


def translation(proxies: ProxySpans) -> tuple[Processor, ...]:
    """The processors for pipelines of traces; spans of anything but these proxies pass them unchanged.

    Args:
        proxies: Kind of the proxies; empty if they make no spans.
    """
    if not proxies:
        return ()
    made = _processor("transform/proxy_spans", _STATEMENTS[proxies], Stage.TRANSLATE)
    if proxies == "envoy+linkerd":
        return (_processor("transform/gateway_pod", GATEWAY_POD, Stage.RECOGNIZE), made)
    return (made,)


def _processor(name: str, statements: Sequence[str], stage: Stage) -> Processor:
    # if a later proxy writes a span differently, keep the span untranslated rather than drop it
    return Processor(name, {"error_mode": "ignore", "trace_statements": [{"statements": list(statements)}]}, stage)
