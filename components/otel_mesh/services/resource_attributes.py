"""Resource attributes of a program's telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_mesh.mesh.binding import MeshBinding


def resource_attributes(  # noqa: PLR0913 - all by keyword
    *,
    service: str,
    version: str,
    service_namespace: str,
    environment: str,
    mesh: MeshBinding,
    owner: str = "k8s.deployment.name",
) -> str:
    """The value of OTEL_RESOURCE_ATTRIBUTES in a program's pods.

    The pod reports its own attributes: the Collector cannot look up a pod by address in the pod's first seconds, and
    never behind a sidecar. Kubernetes expands ``$(...)`` from the variables of `POD_FIELDS`.

    Args:
        service: ``service.name``, also the name of the workload and the container.
        version: ``service.version``.
        service_namespace: ``service.namespace``.
        environment: ``deployment.environment.name``.
        mesh: Mesh of the pods.
        owner: Attribute with the name of the workload.
    """
    attributes = {
        "service.namespace": service_namespace,
        "service.version": version,
        "service.instance.id": "$(POD_UID)",
        "deployment.environment.name": environment,
        "k8s.namespace.name": "$(POD_NAMESPACE)",
        owner: service,
        "k8s.container.name": service,
        "k8s.pod.name": "$(POD_NAME)",
        "k8s.pod.uid": "$(POD_UID)",
        "k8s.pod.ip": "$(POD_IP)",
        "k8s.node.name": "$(NODE_NAME)",
        **mesh.resource_attributes,
    }
    return ",".join(f"{key}={value}" for key, value in attributes.items())
