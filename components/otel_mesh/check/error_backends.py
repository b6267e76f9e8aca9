"""Error backends: workloads by which Linkerd injects faults, sending them a share of the requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh.check.objects import mapping
from otel_mesh.mesh.linkerd.error_backend import answer_of

if TYPE_CHECKING:
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object
    from otel_mesh.check.workloads import Workload


def is_error_backend(workload: Workload) -> bool:
    """Whether a workload is this library's program that answers every request with an error.

    Args:
        workload: The workload.
    """
    return answer_of(workload.spec) is not None


def answer_at(index: Index, service: Object | None) -> tuple[int, float] | None:
    """Status and delay in seconds with which error backends answer at a Service; None for any other Service.

    Args:
        index: Objects of the version.
        service: The Service; None if it is not among the objects.
    """
    selector = mapping(service.spec.get("selector")) if service is not None else {}
    chosen = index.select(service.namespace, selector) if service is not None and selector else ()
    answers = [answer_of(one.spec) for one in chosen]
    return answers[0] if answers and len(set(answers)) == 1 else None
