"""Where and how urgently pods run, and what a node needs to start them: the same settings for every workload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import LabelKey, LabelValue, ObjectName, SelectedValue, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

HOSTNAME: Final = "kubernetes.io/hostname"
"""The label that every node has with a value of its own."""


class Toleration(Settings):
    """A taint of nodes that doesn't keep a workload's pods away.

    Attributes:
        key: of the taint; None, with operator Exists, for all of them.
        operator: whether the value has to be equal, or the key to be there.
        value: of the taint, with operator Equal.
        effect: of the taint; None for every effect.
        seconds: for which a pod stays on a node that gets the taint, with effect NoExecute; None for ever.
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
    """Where a workload's pods run, and what is done for them.

    Attributes:
        node_selector: labels that a node must have.
        tolerations: taints of nodes that don't keep the pods away.
        priority_class: name of a PriorityClass, which a stack makes or the cluster has; None for the cluster's default.
        spread_over: labels of nodes over whose values the pods are spread evenly, such as the node's own name or
            its zone.
        spread_required: whether a pod rather waits than be where there are more of them already.
        max_unavailable: pods of a workload with several that a drain of nodes may take at a time.
        image_pull_secrets: names of existing Secrets, in the workload's namespace, with logins at image registries.
    """

    node_selector: dict[LabelKey, SelectedValue] = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    priority_class: ObjectName | None = None
    spread_over: tuple[LabelKey, ...] = (HOSTNAME,)
    spread_required: bool = False
    max_unavailable: Annotated[int, Field(ge=1, le=100)] = 1
    image_pull_secrets: tuple[ObjectName, ...] = ()

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        problems = [
            Problem(f"{name}[{place}]", "is named twice", "remove one")
            for name in ("spread_over", "image_pull_secrets")
            for place, value in enumerate(getattr(self, name))
            if value in getattr(self, name)[:place]
        ]
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def problem_with(self, replicas: int) -> Problem | None:
        """What is wrong if a drain may take all of several pods at once."""
        if not 1 < replicas <= self.max_unavailable:
            return None
        reason = f"lets a drain take all {replicas} pods at once"
        return Problem("scheduling.max_unavailable", reason, "make it less than 'replicas'")

    def require_drainable(self, replicas: int) -> None:
        """Refuses what `problem_with` finds.

        Raises:
            InvalidSettingsError: a drain may take all of several pods at once.
        """
        problem = self.problem_with(replicas)
        if problem is not None:
            raise InvalidSettingsError([problem])

    def pod_fields(self) -> dict[str, Any]:
        """What the settings add to a pod's ``spec``; nothing where the cluster's own defaults hold.

        The Secrets for images stand in the pod and not in its ServiceAccount: a corrected name then makes new pods,
        instead of leaving those behind that can't start.
        """
        fields: dict[str, Any] = {
            "nodeSelector": dict(self.node_selector),
            "tolerations": [toleration.manifest() for toleration in self.tolerations],
            "priorityClassName": self.priority_class,
            "imagePullSecrets": [{"name": name} for name in self.image_pull_secrets],
        }
        return {name: value for name, value in fields.items() if value}

    def spread(self, selected: Mapping[str, str]) -> list[dict[str, Any]]:
        """The ``topologySpreadConstraints`` of the pods that the labels select."""
        return [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "DoNotSchedule" if self.spread_required else "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(selected)},
            }
            for key in self.spread_over
        ]
