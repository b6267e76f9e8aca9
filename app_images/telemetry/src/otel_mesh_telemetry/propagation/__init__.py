"""Context that crosses process borders: what is read from a caller and what is sent to a callee.

OTEL_PROPAGATORS chooses; without it W3C trace context and baggage are read and written, and Linkerd 1.x'
``l5d-ctx-trace``, ``grpc-trace-bin`` and ``baggage-*`` headers are read where the W3C ones are missing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from otel_mesh_telemetry.propagation import grpc_trace_bin, linkerd, tracecontext
from otel_mesh_telemetry.propagation.mesh import MeshPropagator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.propagators.textmap import TextMapPropagator

    from otel_mesh_telemetry.propagation.mesh import Reader

__all__ = ["DEFAULT", "KNOWN", "MeshPropagator", "build_propagator"]

_log = logging.getLogger(__name__)

DEFAULT = ("tracecontext", "baggage", "l5d", "grpc-trace-bin", "baggage-headers")
"""What is used without OTEL_PROPAGATORS."""

KNOWN = (*DEFAULT, "b3", "b3multi", "none")
"""Names that OTEL_PROPAGATORS may list. Only W3C and B3 are written."""


def build_propagator(names: Sequence[str] = DEFAULT) -> MeshPropagator:
    """A propagator from the names of :data:`KNOWN`; trace contexts are tried in the order of the names.

    A name that is not known, or whose package is missing, is warned about and left out, as the specification asks.
    """
    readers: list[Reader] = []
    writers: list[TextMapPropagator] = []
    reads: list[str] = []
    for name in names:
        if name == "tracecontext":
            readers.append(tracecontext.read)
            reads += tracecontext.FIELDS
            writers.append(tracecontext.OFFICIAL)
        elif name == "l5d":
            readers.append(linkerd.read)
            reads += linkerd.FIELDS
        elif name == "grpc-trace-bin":
            readers.append(grpc_trace_bin.read)
            reads += grpc_trace_bin.FIELDS
        elif name in ("b3", "b3multi"):
            if (b3 := _b3(name)) is not None:
                readers.append(b3.read)
                reads += b3.reads
                writers.append(b3.official)
        elif name not in KNOWN:
            _log.warning("OTEL_PROPAGATORS: %r is not known and ignored; known are %s", name, ", ".join(KNOWN))
    if "none" in names:
        return MeshPropagator((), (), baggage=False, baggage_headers=False, reads=())
    return MeshPropagator(
        readers, writers, baggage="baggage" in names, baggage_headers="baggage-headers" in names, reads=reads
    )


# Entry points: OpenTelemetry makes the propagators that OTEL_PROPAGATORS names when it is imported, ours included, and
# refuses to be imported where it does not find one. init() puts one MeshPropagator of all names in their place.


def l5d() -> MeshPropagator:
    """Reads ``l5d-ctx-trace``; writes nothing."""
    return build_propagator(("l5d",))


def grpc_trace_binary() -> MeshPropagator:
    """Reads ``grpc-trace-bin``; writes nothing."""
    return build_propagator(("grpc-trace-bin",))


def tutorial_baggage() -> MeshPropagator:
    """Reads ``baggage-*`` headers; writes nothing."""
    return build_propagator(("baggage-headers",))


def _b3(name: str) -> _B3 | None:
    try:
        from otel_mesh_telemetry.propagation.b3 import B3  # noqa: PLC0415 - needs an optional package
    except ImportError:
        _log.warning("OTEL_PROPAGATORS: %s needs the package opentelemetry-propagator-b3 and is ignored", name)
        return None
    return B3(single=name == "b3")


if TYPE_CHECKING:
    from otel_mesh_telemetry.propagation.b3 import B3 as _B3
