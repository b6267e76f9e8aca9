"""Workloads: pods, and what makes pods."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.objects import Object, mapping, mappings, number, text

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"})
PROXIES: Final = frozenset({"istio-proxy", "linkerd-proxy"})


class Workload:
    """A pod, or an object that makes pods from a template.

    Args:
        made_by: Object with the pod template, or the pod itself.
    """

    def __init__(self, made_by: Object) -> None:
        self.object = made_by
        self.template, self.template_path = _template(made_by)
        meta = mapping(self.template.get("metadata"))
        self.labels: dict[str, Any] = mapping(meta.get("labels"))
        self.annotations: dict[str, Any] = mapping(meta.get("annotations"))
        self.spec: dict[str, Any] = mapping(self.template.get("spec"))

    @property
    def namespace(self) -> str:
        """Namespace of the pods."""
        return self.object.namespace

    @property
    def service_account(self) -> str:
        """ServiceAccount of the pods."""
        return text(self.spec.get("serviceAccountName")) or "default"

    @property
    def is_on_host_network(self) -> bool:
        """Whether the pods share the node's network; no mesh injects a proxy into them."""
        return self.spec.get("hostNetwork") is True

    def containers(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The containers with the paths of their fields, sidecar containers included."""
        for field in ("initContainers", "containers"):
            for place, one in mappings(self.spec.get(field)):
                if field == "containers" or one.get("restartPolicy") == "Always":
                    yield self.path(f"spec.{field}[{place}]"), one

    def path(self, field: str) -> str:
        """Path of a field of the pod template in the object."""
        return f"{self.template_path}.{field}" if self.template_path else field

    @cached_property
    def ports(self) -> tuple[dict[str, Any], ...]:
        """The declared ports of all containers."""
        return tuple(port for _, one in self.containers() for _, port in mappings(one.get("ports")))

    @cached_property
    def port_numbers(self) -> frozenset[int]:
        """Numbers of the declared ports."""
        numbers = (number(port.get("containerPort")) for port in self.ports)
        return frozenset(one for one in numbers if one is not None)

    def port_named(self, name: str) -> int | None:
        """Number of the port with a name."""
        return next((number(port.get("containerPort")) for port in self.ports if port.get("name") == name), None)

    @property
    def has_proxy(self) -> bool:
        """Whether a proxy is among the containers."""
        return any(one.get("name") in PROXIES for _, one in self.containers())

    def __str__(self) -> str:
        return str(self.object)


class Outsider(Workload):
    """A caller whose pods are not among the objects; their labels are not known.

    Args:
        namespace: Namespace of the caller; empty for a caller that neither a namespace nor an identity is known of.
        account: ServiceAccount of the caller; ``*`` for any.
    """

    def __init__(self, namespace: str = "", account: str = "*") -> None:
        metadata = {"name": account, "namespace": namespace or "*"}
        containers = [{"name": "istio-proxy"}] if namespace else []
        spec = {"serviceAccountName": account, "containers": containers}
        super().__init__(Object({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}))
        self.is_anonymous = not namespace


def _template(made_by: Object) -> tuple[dict[str, Any], str]:
    if made_by.kind == "Pod":
        return made_by.manifest, ""
    if made_by.kind == "CronJob":
        job = mapping(mapping(made_by.spec.get("jobTemplate")).get("spec"))
        return mapping(job.get("template")), "spec.jobTemplate.spec.template"
    return mapping(made_by.spec.get("template")), "spec.template"
