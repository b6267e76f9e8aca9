"""Placement and priority of pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.outputs import NameInput  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.values import LabelKey, LabelValue, ObjectName, SelectedValue, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

HOSTNAME: Final = "kubernetes.io/hostname"
"""Node label whose value is unique to each node."""


class Toleration(Settings):
    """A Kubernetes toleration.

    Attributes:
        key: Key of the taint; None, with operator Exists, for every taint.
        operator: Equal compares the value; Exists ignores it.
        value: Value of the taint, with operator Equal.
        effect: Effect of the taint; None for every effect.
        seconds: Time that a pod stays on a node after the taint is added, with effect NoExecute; None for no limit.
    """

    key: LabelKey | None = None
    operator: Literal["Equal", "Exists"] = "Exists"
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        problems = []
        if self.operator == "Equal" and (self.key is None or self.value is None):
            problems.append(Problem("operator", "Equal needs a key and a value", "give both, or use Exists"))
        if self.operator == "Exists" and self.value is not None:
            problems.append(Problem("value", "has no effect with operator Exists", "remove it, or use Equal"))
        if self.seconds is not None and self.effect != "NoExecute":
            problems.append(Problem("seconds", "has an effect with NoExecute only", "remove it, or use NoExecute"))
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def manifest(self) -> dict[str, Any]:
        """The entry of the pod's ``tolerations``."""
        fields = {
            "key": self.key,
            "operator": self.operator,
            "value": self.value,
            "effect": self.effect,
            "tolerationSeconds": self.seconds,
        }
        return {name: value for name, value in fields.items() if value is not None}


class Scheduling(Settings):
    """Placement, priority and image pull secrets of a workload's pods.

    Attributes:
        node_selector: Labels that a node must have.
        tolerations: Kubernetes tolerations.
        priority_class: Name of a PriorityClass; None for the cluster's default.
        topology_keys: Node labels over whose values the pods are spread evenly, such as the host name or the zone.
        spread_required: True: DoNotSchedule; False: ScheduleAnyway.
        max_unavailable: Number of pods that a drain of nodes may evict at a time, if there are several.
        image_pull_secrets: Names of existing Secrets with registry credentials, in the workload's namespace.
    """

    node_selector: dict[LabelKey, SelectedValue] = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    priority_class: ObjectName | None = None
    topology_keys: tuple[LabelKey, ...] = (HOSTNAME,)
    spread_required: bool = False
    max_unavailable: Annotated[int, Field(ge=1, le=100)] = 1
    image_pull_secrets: tuple[NameInput, ...] = ()

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        problems = [
            Problem(f"{name}[{place}]", "is listed twice", "remove one")
            for name in ("topology_keys", "image_pull_secrets")
            for place, value in enumerate(getattr(self, name))
            if value in getattr(self, name)[:place]
        ]
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def problem_with(self, replicas: int) -> Problem | None:
        """The problem if a drain may evict all of several pods at once.

        Args:
            replicas: Number of pods.
        """
        if not 1 < replicas <= self.max_unavailable:
            return None
        reason = f"lets a drain evict all {replicas} pods at once"
        return Problem("scheduling.max_unavailable", reason, "set it below 'replicas'")

    def require_drainable(self, replicas: int) -> None:
        """Rejects settings that let a drain evict all of several pods at once.

        Args:
            replicas: Number of pods.

        Raises:
            InvalidSettingsError: A drain may evict all pods.
        """
        problem = self.problem_with(replicas)
        if problem is not None:
            raise InvalidSettingsError([problem])

    def pod_fields(self) -> dict[str, Any]:
        """Fields of the pod's ``spec``; defaults are left out.

        The image pull secrets are fields of the pod and not of its ServiceAccount, so that a corrected name replaces
        the pods that cannot start.
        """
        fields: dict[str, Any] = {
            "nodeSelector": dict(self.node_selector),
            "tolerations": [toleration.manifest() for toleration in self.tolerations],
            "priorityClassName": self.priority_class,
            "imagePullSecrets": [{"name": name} for name in self.image_pull_secrets],
        }
        return {name: value for name, value in fields.items() if value}

    def spread(self, selected: Mapping[str, str]) -> list[dict[str, Any]]:
        """The pod's ``topologySpreadConstraints``.

        Args:
            selected: Labels that select the pods.
        """
        return [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "DoNotSchedule" if self.spread_required else "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(selected)},
            }
            for key in self.topology_keys
        ]
