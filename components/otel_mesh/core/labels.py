"""Keys of labels and annotations, and the recommended labels of objects."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

PART_OF: Final = "otel-mesh"
"""Value of ``app.kubernetes.io/part-of`` on all objects."""

MANAGED_BY: Final = "pulumi"
"""Value of ``app.kubernetes.io/managed-by`` on all objects."""


class Label(StrEnum):
    """Label keys (https://kubernetes.io/docs/reference/labels-annotations-taints/)."""

    NAME = "app.kubernetes.io/name"
    INSTANCE = "app.kubernetes.io/instance"
    VERSION = "app.kubernetes.io/version"
    COMPONENT = "app.kubernetes.io/component"
    PART_OF = "app.kubernetes.io/part-of"
    MANAGED_BY = "app.kubernetes.io/managed-by"
    APP = "app"
    """Name of a workload in a mesh (Kiali, Istio's canonical service)."""
    SERVICE_VERSION = "version"
    """Version of a workload in a mesh (subsets of a DestinationRule)."""
    POD_SECURITY_ENFORCE = "pod-security.kubernetes.io/enforce"
    POD_SECURITY_ENFORCE_VERSION = "pod-security.kubernetes.io/enforce-version"
    POD_SECURITY_WARN = "pod-security.kubernetes.io/warn"
    POD_SECURITY_AUDIT = "pod-security.kubernetes.io/audit"


class Annotation(StrEnum):
    """Annotation keys."""

    CONFIG_CHECKSUM = "otel-mesh.dev/config-checksum"
    """Digest of the configuration on pod templates: a changed configuration rolls the pods."""
    SKIP_AWAIT = "pulumi.com/skipAwait"
    """``true``: Pulumi's Kubernetes provider does not wait until the object is ready."""
    WAIT_FOR = "pulumi.com/waitFor"
    """Conditions that the provider waits for, in place of its built-in readiness checks."""
    PATCH_FORCE = "pulumi.com/patchForce"
    """``true``: the provider takes over fields with another field manager."""
    FAULT_EXPIRES = "otel-mesh.dev/fault-expires"
    """Date, as YYYY-MM-DD, after which a fault injection is a mistake."""


class Role(StrEnum):
    """Values of ``app.kubernetes.io/component``."""

    COLLECTOR = "telemetry-collector"
    SAMPLER = "trace-sampler"
    TRACES = "trace-store"
    METRICS = "metric-store"
    LOGS = "log-store"
    ALERTS = "alert-router"
    DASHBOARDS = "dashboards"
    DATABASE = "database"
    CACHE = "cache"
    BACKUP = "backup"
    SERVICE = "service"
    LOAD = "load-generator"
    NAMESPACE = "namespace"
    PRIORITY = "priority"
    MESH = "mesh"
    GATEWAY = "gateway"
    NETWORK = "network"


def selector(name: str, instance: str) -> dict[str, str]:
    """The labels that select a workload's pods; a selector is immutable, so its labels never change."""
    return {Label.NAME.value: name, Label.INSTANCE.value: instance}


def recommended(name: str, instance: str, role: Role, version: str | None = None) -> dict[str, str]:
    """The recommended labels of an object.

    Args:
        name: Name of the program, such as ``jaeger``.
        instance: Name of the objects.
        role: Function of the program.
        version: Version of the program; None for objects without a program.
    """
    labels = {
        **selector(name, instance),
        Label.COMPONENT.value: role.value,
        Label.PART_OF.value: PART_OF,
        Label.MANAGED_BY.value: MANAGED_BY,
    }
    if version is not None:
        labels[Label.VERSION.value] = version
    return labels
