"""Propagation of trace context and baggage between processes.

OTEL_PROPAGATORS selects the formats. By default W3C trace context and baggage are read and written; Linkerd 1.x's
``l5d-ctx-trace``, ``grpc-trace-bin`` and ``baggage-*`` headers are read if the W3C headers are missing.
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
"""Propagators used if OTEL_PROPAGATORS is not set."""

KNOWN = (*DEFAULT, "b3", "b3multi", "none")
"""Names permitted in OTEL_PROPAGATORS. Only W3C and B3 headers are written."""


def build_propagator(names: Sequence[str] = DEFAULT) -> MeshPropagator:
    """A propagator for names in :data:`KNOWN`; trace contexts are read in the order of the names.

    Unknown names and those whose package is missing are ignored with a warning, as the specification requires.
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
            _log.warning("OTEL_PROPAGATORS: %r ignored: unknown; set any of %s", name, ", ".join(KNOWN))
    if "none" in names:
        return MeshPropagator((), (), baggage=False, baggage_headers=False, reads=())
    return MeshPropagator(
        readers, writers, baggage="baggage" in names, baggage_headers="baggage-headers" in names, reads=reads
    )


# Entry points: OpenTelemetry creates the propagators named in OTEL_PROPAGATORS when it is imported, and fails to import
# if one is missing. init() replaces them by a single MeshPropagator.


def l5d() -> MeshPropagator:
    """A propagator that reads ``l5d-ctx-trace``; writes nothing."""
    return build_propagator(("l5d",))


def grpc_trace_binary() -> MeshPropagator:
    """A propagator that reads ``grpc-trace-bin``; writes nothing."""
    return build_propagator(("grpc-trace-bin",))


def tutorial_baggage() -> MeshPropagator:
    """A propagator that reads ``baggage-*`` headers; writes nothing."""
    return build_propagator(("baggage-headers",))


def _b3(name: str) -> _B3 | None:
    try:
        from otel_mesh_telemetry.propagation.b3 import B3  # noqa: PLC0415 - needs an optional package
    except ImportError:
        _log.warning("OTEL_PROPAGATORS: %s ignored: install the package opentelemetry-propagator-b3", name)
        return None
    return B3(single=name == "b3")


if TYPE_CHECKING:
    from otel_mesh_telemetry.propagation.b3 import B3 as _B3
