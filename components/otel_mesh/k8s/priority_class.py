"""A priority that workloads may be given by its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import pulumi
from pydantic import Field

from otel_mesh.core.component import Component
from otel_mesh.core.errors import parse
from otel_mesh.core.labels import Role, recommended
from otel_mesh.core.values import ObjectName, Settings
from otel_mesh.k8s.manifests import Manifest, metadata

_LABEL_LENGTH = 63


class Priority(Settings):
    """How urgent a workload's pods are.

    Attributes:
        value: the higher, the more urgent; workloads without a class have 0.
        preempts: whether a pod that finds no room ends less urgent ones.
        description: for what it is meant.
    """

    # above 10^9 are the classes of the cluster's own programs
    value: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)]
    preempts: bool = True
    description: Annotated[str, Field(max_length=500)] = ""


class PriorityClassSettings(Priority):
    """Settings of a `PriorityClass`, beside those of `Priority`.

    Attributes:
        name: that workloads refer to, in `Scheduling`.
    """

    name: ObjectName


@dataclass(frozen=True, kw_only=True)
class PriorityClassArgs:
    """Arguments of a `PriorityClass`.

    Attributes:
        settings: or a mapping that becomes one.
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
    """A PriorityClass of the whole cluster.

    Attributes:
        priority_class: its name, known once it exists.

    Raises:
        InvalidSettingsError: the settings are wrong.
    """

    TYPE: ClassVar[str] = "PriorityClass"

    priority_class: pulumi.Output[str]

    def __init__(self, name: str, args: PriorityClassArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(PriorityClassSettings, args.settings)
        super().__init__(name, opts)
        made = self.children(priority_class_manifests(args, settings))["PriorityClass"]
        self.priority_class = pulumi.Output.all(settings.name, made.urn).apply(lambda values: str(values[0]))
        self.register_outputs({"priority_class": self.priority_class})
