"""The vocabulary of labels and annotations, and the label sets that every object carries."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

PART_OF: Final = "otel-mesh"
"""Value of ``app.kubernetes.io/part-of`` on everything that the library makes."""

MANAGED_BY: Final = "pulumi"
"""Value of ``app.kubernetes.io/managed-by``."""


class Label(StrEnum):
    """Label keys (https://kubernetes.io/docs/reference/labels-annotations-taints/)."""

    NAME = "app.kubernetes.io/name"
    INSTANCE = "app.kubernetes.io/instance"
    VERSION = "app.kubernetes.io/version"
    COMPONENT = "app.kubernetes.io/component"
    PART_OF = "app.kubernetes.io/part-of"
    MANAGED_BY = "app.kubernetes.io/managed-by"
    APP = "app"
    """What meshes call a workload (Kiali, Istio's canonical service)."""
    SERVICE_VERSION = "version"
    """What meshes split traffic by (subsets of a DestinationRule)."""
    POD_SECURITY_ENFORCE = "pod-security.kubernetes.io/enforce"
    POD_SECURITY_ENFORCE_VERSION = "pod-security.kubernetes.io/enforce-version"
    POD_SECURITY_WARN = "pod-security.kubernetes.io/warn"
    POD_SECURITY_AUDIT = "pod-security.kubernetes.io/audit"


class Annotation(StrEnum):
    """Annotation keys."""

    CONFIG_CHECKSUM = "otel-mesh.dev/config-checksum"
    """On pod templates: a changed configuration changes the template, and so rolls the pods."""
    SKIP_AWAIT = "pulumi.com/skipAwait"
    """On any object: Pulumi's Kubernetes provider does not wait until it is ready."""
    WAIT_FOR = "pulumi.com/waitFor"
    """On any object: what the provider waits for instead of its own idea of readiness."""
    PATCH_FORCE = "pulumi.com/patchForce"
    """On any object: the provider takes over fields that somebody else has written."""


class Role(StrEnum):
    """Values of ``app.kubernetes.io/component``."""

    COLLECTOR = "telemetry-collector"
    SAMPLER = "trace-sampler"
    TRACES = "trace-store"
    METRICS = "metric-store"
    LOGS = "log-store"
    DASHBOARDS = "dashboards"
    DATABASE = "database"
    CACHE = "cache"
    SERVICE = "service"
    LOAD = "load-generator"
    NAMESPACE = "namespace"
    PRIORITY = "priority"
    MESH = "mesh"
    GATEWAY = "gateway"


def selector(name: str, instance: str) -> dict[str, str]:
    """Labels that select a workload's pods; immutable in Kubernetes, hence only what never changes."""
    return {Label.NAME.value: name, Label.INSTANCE.value: instance}


def recommended(name: str, instance: str, role: Role, version: str | None = None) -> dict[str, str]:
    """The recommended labels of an object.

    Args:
        name: the program, e.g. ``jaeger``.
        instance: the installation, i.e. the name of its objects.
        role: what it is for.
        version: the program's version, where the object runs a program.
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
