"""What the workloads of one version run: images, variables, pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.objects import mapping, mappings, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.check.workloads import Workload

_STORES: Final = ("PersistentVolumeClaim", "PersistentVolume")
_SCALED: Final = ("Deployment", "StatefulSet", "ReplicaSet")


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


def is_scaled(workload: Workload) -> bool:
    """Whether the workload has a number of pods: a Deployment, a StatefulSet or a ReplicaSet."""
    return workload.object.kind in _SCALED


def secrets(workload: Workload) -> set[str]:
    """Names of the Secrets that the pods cannot start without."""
    found = set()
    for container in _containers(workload):
        sources = [mapping(one.get("valueFrom")).get("secretKeyRef") for _, one in mappings(container.get("env"))]
        sources += [one.get("secretRef") for _, one in mappings(container.get("envFrom"))]
        found |= {str(one["name"]) for one in map(mapping, sources) if one.get("name") and not one.get("optional")}
    for _, volume in mappings(workload.spec.get("volumes")):
        projected = mappings(mapping(volume.get("projected")).get("sources"))
        given = [mapping(volume.get("secret")), *(mapping(one.get("secret")) for _, one in projected)]
        names = (one.get("secretName") or one.get("name") for one in given if not one.get("optional"))
        found |= {str(name) for name in names if name}
    return found


def _containers(workload: Workload) -> Iterator[dict[str, Any]]:
    for field in ("initContainers", "containers"):
        yield from (one for _, one in mappings(workload.spec.get(field)))
