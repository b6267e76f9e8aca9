"""A priority class for workloads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import pulumi
from pydantic import Field

from otel_mesh.core.errors import parse
from otel_mesh.core.labels import Role, recommended
from otel_mesh.core.values import ObjectName, Settings
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.manifests import Manifest, metadata

_LABEL_LENGTH = 63


class Priority(Settings):
    """The priority of pods.

    Attributes:
        value: Priority; pods without a class have 0.
        preempts: Whether a pod that fits on no node evicts pods of lower priority.
        description: Purpose of the class.
    """

    # values above 10^9 are reserved for the cluster itself
    value: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)]
    preempts: bool = True
    description: Annotated[str, Field(max_length=500)] = ""


class PriorityClassSettings(Priority):
    """Settings of a `PriorityClass`, besides those of `Priority`.

    Attributes:
        name: Name of the class, for `Scheduling.priority_class`.
    """

    name: ObjectName


@dataclass(frozen=True, kw_only=True)
class PriorityClassArgs:
    """Arguments of a `PriorityClass`.

    Attributes:
        settings: Settings, or a mapping of their fields.
    """

    settings: PriorityClassSettings


def priority_class_manifests(_args: PriorityClassArgs, settings: PriorityClassSettings) -> list[Manifest]:
    """The PriorityClass."""
    labels = recommended("priority-class", settings.name[:_LABEL_LENGTH].rstrip("-."), Role.PRIORITY)
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": metadata(settings.name, labels),
            "value": settings.value,
            # never the cluster's default: workloads without a class keep their priority
            "globalDefault": False,
            "preemptionPolicy": "PreemptLowerPriority" if settings.preempts else "Never",
            "description": settings.description,
        }
    ]


class PriorityClass(Component):
    """A PriorityClass.

    Attributes:
        priority_class: Name of the class, known once it exists.

    Raises:
        InvalidSettingsError: The settings are invalid.
    """

    TYPE: ClassVar[str] = "PriorityClass"

    priority_class: pulumi.Output[str]

    def __init__(self, name: str, args: PriorityClassArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(PriorityClassSettings, args.settings)
        super().__init__(name, opts)
        made = self.children(priority_class_manifests(args, settings))["PriorityClass"]
        self.priority_class = pulumi.Output.all(settings.name, made.urn).apply(lambda values: str(values[0]))
        self.register_outputs({"priority_class": self.priority_class})
