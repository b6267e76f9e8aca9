"""Versions of a service: Deployments that run beside the service's own, behind the same Kubernetes Service."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from otel_mesh.core.labels import Label, selector
from otel_mesh.core.patterns import Pattern
from otel_mesh.core.values import ImageReference, Replicas, Settings
from otel_mesh.k8s.environment import Variables  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.k8s.resources import Resources  # noqa: TC001 - pydantic reads it at run time

VersionName = Annotated[
    str,
    Pattern(
        re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,30}[a-z0-9])?"),
        "is not the name of a version; use at most 32 lower case letters, digits, dashes and dots, such as v2 or 1.4.0",
    ),
]
"""Name of a version: its pods' ``version`` label, ``service.version``, and the end of its Deployment's name."""


class Version(Settings):
    """A further version of a service; unset fields have the values of the service.

    Attributes:
        image: Container image.
        replicas: Number of pods.
        resources: Resource requests and limits of the service's container.
        env: Environment variables besides those of the service, or in place of them.
    """

    image: ImageReference | None = None
    replicas: Replicas | None = None
    resources: Resources | None = None
    env: Variables = Field(default_factory=dict)


def deployment_name(service: str, version: str | None = None) -> str:
    """The name of a version's Deployment.

    Args:
        service: Name of the service.
        version: Name of the further version; None for the service's own Deployment.
    """
    return service if version is None else f"{service}-{version.replace('.', '-')}"


def all_versions(service: str) -> dict[str, str]:
    """The labels that select the pods of all versions of a service."""
    return {Label.NAME.value: service}


def one_version(service: str, version: str | None = None) -> dict[str, str]:
    """The labels that select the pods of one version.

    A Deployment's selector is immutable, and the service's own one selects its name and instance; a further version has
    the same name and an instance of its own, so that no selector matches the other's pods.

    Args:
        service: Name of the service.
        version: Name of the further version; None for the service's own Deployment.
    """
    return selector(service, deployment_name(service, version))
