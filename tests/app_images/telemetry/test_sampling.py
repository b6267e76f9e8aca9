"""S1.13: who decides what is kept."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from otel_mesh_telemetry.sampling import DEFAULT_RATIO, mesh_sampler, sampler_from


def kept(sampler: Sampler, trace_id: int, parent: int | None = None) -> bool:
    context = Context()
    if parent is not None:
        remote = SpanContext(trace_id, 1, is_remote=True, trace_flags=TraceFlags(parent))
        context = trace.set_span_in_context(NonRecordingSpan(remote), context)
    return sampler.should_sample(context, trace_id, "GET").decision is Decision.RECORD_AND_SAMPLE


IDS = [n * 2**64 + n * (2**64 // 1000) for n in range(1, 1000)]


def test_s1_13_ingress_keeps_all_it_begins_and_follows_its_caller() -> None:
    ingress = mesh_sampler(ingress=True)
    assert all(kept(ingress, trace_id) for trace_id in IDS)
    assert all(kept(ingress, trace_id, parent=1) for trace_id in IDS)
    assert not any(kept(ingress, trace_id, parent=0) for trace_id in IDS)


def test_s1_13_others_follow_and_keep_a_share_of_their_own() -> None:
    internal = mesh_sampler(ingress=False, ratio=0.2)
    assert all(kept(internal, trace_id, parent=1) for trace_id in IDS)
    assert not any(kept(internal, trace_id, parent=0) for trace_id in IDS)
    assert sum(kept(internal, trace_id) for trace_id in IDS) == pytest.approx(200, abs=2)


@pytest.mark.parametrize(
    ("environ", "share"),
    [
        ({}, 1.0),
        ({"IS_GATEWAY": "true"}, 1.0),
        ({"IS_GATEWAY": "false"}, DEFAULT_RATIO),
        ({"OTEL_TRACES_SAMPLER": "mesh_ingress"}, 1.0),
        ({"OTEL_TRACES_SAMPLER": "mesh_internal"}, DEFAULT_RATIO),
        ({"OTEL_TRACES_SAMPLER": "mesh_internal", "OTEL_TRACES_SAMPLER_ARG": "0.3"}, 0.3),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}, 0.5),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "many"}, 1.0),
        ({"OTEL_TRACES_SAMPLER": "parentbased_always_on", "IS_GATEWAY": "false"}, 1.0),
    ],
)
def test_s1_13_the_ratio_is_a_change_of_the_environment(environ: dict[str, str], share: float) -> None:
    sampler = sampler_from(environ)
    assert sampler is not None
    assert sum(kept(sampler, trace_id) for trace_id in IDS) / len(IDS) == pytest.approx(share, abs=0.005)


def test_other_standard_samplers_are_left_to_the_sdk() -> None:
    assert sampler_from({"OTEL_TRACES_SAMPLER": "always_off"}) is None


def test_a_ratio_out_of_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Probability must be in range \[0\.0, 1\.0\]"):
        mesh_sampler(ingress=False, ratio=1.5)
