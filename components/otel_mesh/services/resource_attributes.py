"""What a program of ours says of itself in its telemetry."""

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
    """OTEL_RESOURCE_ATTRIBUTES of a program's pods.

    The pod names itself instead of being looked up by address: the Collector doesn't know a pod in its first seconds,
    and behind a sidecar never by its address. Kubernetes fills in the ``$(...)``.

    Args:
        service: ``service.name``, which is also the name of its workload and container.
        version: ``service.version``.
        service_namespace: ``service.namespace``.
        environment: ``deployment.environment.name``.
        mesh: that the pods are in.
        owner: the attribute that names the workload.
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
