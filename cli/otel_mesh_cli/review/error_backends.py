"""Faults by error backends, told as a VirtualService's: whoever calls such a workload gets its error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_mesh.check.error_backends import answer_at

if TYPE_CHECKING:
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object


def fault(index: Index, service: Object | None, percentage: float) -> dict[str, Any]:
    """The fault that a share of the requests meets at a Service, in the form of a VirtualService; empty for none.

    Args:
        index: Objects of the version.
        service: The Service; None if it is not among the objects.
        percentage: Share of the requests.
    """
    answer = answer_at(index, service)
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
