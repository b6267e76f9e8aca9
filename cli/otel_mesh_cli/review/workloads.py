"""What the workloads of one version run: images, variables, pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.objects import mappings, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.check.workloads import Workload

_STORES: Final = ("PersistentVolumeClaim", "PersistentVolume")


def holds_data(kind: str) -> bool:
    """Whether objects of a kind hold data that goes with them."""
    return kind in _STORES


def images(workload: Workload) -> dict[str, str]:
    """Images by container, init containers included."""
    return {str(one.get("name")): str(one.get("image", "")) for one in _containers(workload)}


def environment(workload: Workload) -> dict[str, str]:
    """Plain environment variables of the containers."""
    variables = (one for container in _containers(workload) for _, one in mappings(container.get("env")))
    return {str(one.get("name")): str(one["value"]) for one in variables if "value" in one}


def replicas(workload: Workload) -> int | None:
    """Number of pods; None for one per node, Jobs and autoscaled workloads."""
    return number(workload.object.spec.get("replicas"))


def _containers(workload: Workload) -> Iterator[dict[str, Any]]:
    for field in ("initContainers", "containers"):
        yield from (one for _, one in mappings(workload.spec.get(field)))
