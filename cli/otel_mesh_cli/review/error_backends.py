"""Error backends: workloads by which Linkerd injects faults, sending them a share of the requests.

A report tells of them as of a VirtualService's fault, and not as of workloads: whoever calls one gets its error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def fault(index: Index, service: Object | None, percentage: float) -> dict[str, Any]:
    """The fault that a share of the requests meets at a Service, in the form of a VirtualService; empty for none.

    Args:
        index: Objects of the version.
        service: The Service; None if it is not among the objects.
        percentage: Share of the requests.
    """
    selector = mapping(service.spec.get("selector")) if service is not None else {}
    chosen = index.select(service.namespace, selector) if service is not None and selector else ()
    answers = [answer_of(one.spec) for one in chosen]
    answer = answers[0] if answers and len(set(answers)) == 1 else None
    if answer is None:
        return {}
    status, delay = answer
    share: dict[str, Any] = {"percentage": {"value": percentage}}
    abort: dict[str, Any] = {"abort": {"httpStatus": status, **share}}
    return {"delay": {"fixedDelay": duration(delay), **share}, **abort} if delay else abort


def duration(seconds: float) -> str:
    """A duration as stack files and VirtualServices write it; empty for none.

    Args:
        seconds: Length in seconds.
    """
    if not seconds:
        return ""
    return f"{seconds:.0f}s" if seconds % 1 == 0 else f"{seconds * 1000:.0f}ms"
