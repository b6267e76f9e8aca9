"""Who decides what is kept, and how much.

One owner of the decision: where a trace begins. Behind a mesh whose proxies start traces (Istio), the ingress
proxy decides by its own percentage and every service follows; without one, the ingress service keeps everything
and any other service that begins a trace (a job, a consumer) keeps a share. The Collector's tail sampling then
throws away what is neither slow nor failed: for that the head has to be kept, so lower the share only where the
Collector cannot take it.

The share comes from the standard variables, so that changing it is a change of the environment, never of an image.
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
"""Share of the traces that a service which is no ingress keeps of those it begins itself."""

NAMES = ("mesh_ingress", "mesh_internal")
"""Values of OTEL_TRACES_SAMPLER that this module adds to the specification's."""


class MeshSampler(ParentBased):
    """Follows the caller; begins a trace by its root sampler.

    Args:
        root: decides for traces that begin here.
    """

    unsampled_is_final = True
    """A caller's decision against is never overruled, so the middleware need not ask."""

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
        """Keep what the caller keeps, without asking a sampler that would say so; else as the base."""
        caller = get_current_span(parent_context).get_span_context()
        if caller.trace_flags & TraceFlags.SAMPLED and caller.is_valid:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, caller.trace_state)
        return super().should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """For diagnostics."""
        return self._about


def mesh_sampler(*, ingress: bool, ratio: float = DEFAULT_RATIO) -> MeshSampler:
    """The sampler of a service.

    Args:
        ingress: traces begin here, and all of them are kept.
        ratio: share of the traces that a service which is no ingress keeps of those it begins, 0 to 1.

    Raises:
        ValueError: ``ratio`` is out of bounds.
    """
    return MeshSampler(ALWAYS_ON if ingress else TraceIdRatioBased(ratio))


def mesh_ingress(_argument: str | None = None) -> Sampler:
    """Entry point for OTEL_TRACES_SAMPLER=mesh_ingress where the SDK configures itself."""
    return mesh_sampler(ingress=True)


def mesh_internal(argument: str | None = None) -> Sampler:
    """Entry point for OTEL_TRACES_SAMPLER=mesh_internal; ``argument`` is the text of OTEL_TRACES_SAMPLER_ARG."""
    return mesh_sampler(ingress=False, ratio=_ratio(argument or "", DEFAULT_RATIO))


def sampler_from(environ: Mapping[str, str]) -> Sampler | None:
    """What the environment asks for; None to let the SDK read the specification's own values.

    OTEL_TRACES_SAMPLER ``mesh_ingress`` or ``mesh_internal`` with the ratio in OTEL_TRACES_SAMPLER_ARG; the
    specification's ``parentbased_always_on`` and ``parentbased_traceidratio`` mean the same. Without
    OTEL_TRACES_SAMPLER, IS_GATEWAY=true makes an ingress; without both the root is always on, as the
    specification says.
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
        _log.warning("OTEL_TRACES_SAMPLER_ARG=%r is no number from 0 to 1 and ignored", text)
        return default
    return ratio
