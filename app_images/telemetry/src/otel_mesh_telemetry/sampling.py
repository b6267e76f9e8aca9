"""Head sampling of traces.

The sampling decision is made where a trace starts. If the mesh's proxies start traces (Istio), the ingress proxy
decides by its sampling percentage and every service follows. Otherwise the ingress service samples all traces, and
other services that start traces (jobs, consumers) sample a ratio of them. The Collector's tail sampling then drops
traces that are neither slow nor failed. It depends on complete head sampling, so lower the ratio only if the Collector
cannot handle the load.

The ratio is read from the standard environment variables; changing it requires no new image.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import TraceFlags, get_current_span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

_log = logging.getLogger(__name__)

DEFAULT_RATIO = 0.01
"""Default sampling ratio of traces started by services other than the ingress."""

NAMES = ("mesh_ingress", "mesh_internal")
"""Values of OTEL_TRACES_SAMPLER in addition to the specification's."""


class MeshSampler(ParentBased):
    """Parent-based sampler with a fast path for sampled parents.

    Args:
        root: Sampler of traces without a parent.
    """

    unsampled_is_final = True
    """True: children of unsampled parents are never sampled, so the middleware need not call the sampler."""

    def __init__(self, root: Sampler) -> None:
        super().__init__(root)
        self._about = f"MeshSampler{{root={root.get_description()}}}"

    def should_sample(  # noqa: PLR0913, PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Sample children of sampled parents; otherwise decide like the base class."""
        caller = get_current_span(parent_context).get_span_context()
        if caller.trace_flags & TraceFlags.SAMPLED and caller.is_valid:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, caller.trace_state)
        return super().should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """Description of the sampler, for diagnostics."""
        return self._about


def mesh_sampler(*, ingress: bool, ratio: float = DEFAULT_RATIO) -> MeshSampler:
    """The sampler of a service.

    Args:
        ingress: True: all traces started here are sampled.
        ratio: Sampling ratio of traces started by a service that is not the ingress, 0 to 1.

    Raises:
        ValueError: ``ratio`` is out of range.
    """
    return MeshSampler(ALWAYS_ON if ingress else TraceIdRatioBased(ratio))


def mesh_ingress(_argument: str | None = None) -> Sampler:
    """Entry point for OTEL_TRACES_SAMPLER=mesh_ingress, used if the SDK configures itself."""
    return mesh_sampler(ingress=True)


def mesh_internal(argument: str | None = None) -> Sampler:
    """Entry point for OTEL_TRACES_SAMPLER=mesh_internal; ``argument`` is the text of OTEL_TRACES_SAMPLER_ARG."""
    return mesh_sampler(ingress=False, ratio=_ratio(argument or "", DEFAULT_RATIO))


def sampler_from(environ: Mapping[str, str]) -> Sampler | None:
    """The sampler configured in the environment; None for the specification's samplers, which the SDK creates.

    OTEL_TRACES_SAMPLER is ``mesh_ingress``, or ``mesh_internal`` with the ratio in OTEL_TRACES_SAMPLER_ARG; the
    specification's ``parentbased_always_on`` and ``parentbased_traceidratio`` have the same effect. Without
    OTEL_TRACES_SAMPLER, IS_GATEWAY=false selects ``mesh_internal``; otherwise all traces started here are sampled, as
    the specification requires.
    """
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    if name in ("mesh_ingress", "parentbased_always_on"):
        return mesh_sampler(ingress=True)
    if name in ("mesh_internal", "parentbased_traceidratio"):
        default = DEFAULT_RATIO if name == "mesh_internal" else 1.0
        return mesh_sampler(ingress=False, ratio=_ratio(environ.get("OTEL_TRACES_SAMPLER_ARG", ""), default))
    if name:
        return None
    gateway = environ.get("IS_GATEWAY", "").strip().lower()
    return mesh_sampler(ingress=False) if gateway == "false" else mesh_sampler(ingress=True)


def _ratio(argument: str, default: float) -> float:
    text = argument.strip()
    if not text:
        return default
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        _log.warning("OTEL_TRACES_SAMPLER_ARG=%r ignored: not a number from 0 to 1; correct it", text)
        return default
    return ratio
