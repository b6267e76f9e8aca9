"""The workloads of one version: what runs, from which images, and whether it is in the mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

KINDS: Final = ("CronJob", "DaemonSet", "Deployment", "Job", "StatefulSet")
_STORES: Final = ("PersistentVolumeClaim", "PersistentVolume")
_JOINS: Final = ("istio.io/rev", "istio-injection", "linkerd.io/inject")
"""Labels and annotations of a namespace whose pods get a proxy."""
_OPT_OUT: Final = {"sidecar.istio.io/inject": "false", "linkerd.io/inject": "disabled"}


@dataclass(frozen=True)
class Workload:
    """A workload of a stack.

    Attributes:
        namespace: Namespace of its pods.
        name: Name.
        labels: Labels of its pods.
        account: ServiceAccount that its pods run as.
        images: Images by container.
        environment: Plain environment variables of its containers.
        replicas: Number of pods; None for one per node, Jobs and autoscaled workloads.
        template: Pod template.
        meshed: Whether its pods get a proxy.
    """

    namespace: str
    name: str
    labels: Mapping[str, str]
    account: str
    images: Mapping[str, str]
    environment: Mapping[str, str]
    replicas: int | None
    template: Mapping[str, Any]
    meshed: bool

    @property
    def place(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def identity(self) -> str:
        """``namespace/service account``, as principals name it."""
        return f"{self.namespace}/{self.account}"

    def is_selected(self, selector: Mapping[str, str]) -> bool:
        """Whether a label selector selects its pods; an empty one selects all."""
        return selector.items() <= self.labels.items()


def workloads(manifests: Iterable[Mapping[str, Any]]) -> dict[str, Workload]:
    """The workloads among objects, by place."""
    objects = list(manifests)
    joining = {str(one["metadata"]["name"]) for one in objects if one["kind"] == "Namespace" and _joins(one)}
    found = (_workload(one, joining) for one in objects if one["kind"] in KINDS)
    return {one.place: one for one in found}


def holds_data(kind: str) -> bool:
    """Whether objects of a kind hold data that goes with them."""
    return kind in _STORES


def containers(template: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Init containers and containers of a pod template."""
    spec = template.get("spec") or {}
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()


def _joins(namespace: Mapping[str, Any]) -> bool:
    metadata = namespace["metadata"]
    marks = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    return any(marks.get(name, "disabled") != "disabled" for name in _JOINS)


def _workload(manifest: Mapping[str, Any], joining: set[str]) -> Workload:
    spec = manifest["spec"]
    template = (spec["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else spec)["template"]
    metadata = template.get("metadata") or {}
    namespace = str(manifest["metadata"].get("namespace", "default"))
    marks = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    opted_out = any(marks.get(name) == value for name, value in _OPT_OUT.items())
    every = list(containers(template))
    variables = [one for container in every for one in container.get("env") or ()]
    return Workload(
        namespace=namespace,
        name=str(manifest["metadata"]["name"]),
        labels=metadata.get("labels") or {},
        account=str(template["spec"].get("serviceAccountName", "default")),
        images={str(one["name"]): str(one.get("image", "")) for one in every},
        environment={str(one["name"]): str(one["value"]) for one in variables if "value" in one},
        replicas=spec.get("replicas"),
        template=template,
        meshed=namespace in joining and not opted_out,
    )
