"""CPU and memory of containers, and storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import ObjectName, Quantity, Settings, quantity

if TYPE_CHECKING:
    from typing import Self

    from otel_mesh.k8s.pod_types import ClaimSpec

_GO_MEMORY_SHARE: Final = 0.8


class Resources(Settings):
    """Resource requests and limits of a container.

    There is no CPU limit by default: with a limit below one core, the kernel suspends a process for most of each 100 ms
    period after a short burst, which adds latency. The request guarantees the share. Memory is limited because it
    cannot be reclaimed.

    Attributes:
        cpu: CPU request in cores.
        memory: Memory request in bytes.
        memory_limit: Memory in bytes above which the kernel kills the container.
        cpu_limit: Cores above which the container is throttled; None for no limit.
    """

    cpu: Quantity = "50m"
    memory: Quantity = "64Mi"
    memory_limit: Quantity = "256Mi"
    cpu_limit: Quantity | None = None

    @model_validator(mode="after")
    def _limits_hold_requests(self) -> Self:
        problems = []
        if quantity(self.memory) > quantity(self.memory_limit):
            problems.append(Problem("memory_limit", "is below the request 'memory'", "raise it or lower 'memory'"))
        if self.cpu_limit is not None and quantity(self.cpu) > quantity(self.cpu_limit):
            problems.append(Problem("cpu_limit", "is below the request 'cpu'", "raise it or lower 'cpu'"))
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def manifest(self) -> dict[str, dict[str, str]]:
        """The container's ``resources``."""
        limits = {"memory": self.memory_limit}
        if self.cpu_limit is not None:
            limits["cpu"] = self.cpu_limit
        return {"requests": {"cpu": self.cpu, "memory": self.memory}, "limits": limits}

    def go_memory_limit(self) -> str:
        """GOMEMLIMIT of a Go program: 80 % of the memory limit, so that garbage is collected before the limit."""
        return f"{int(float(quantity(self.memory_limit)) * _GO_MEMORY_SHARE)}B"


class Storage(Settings):
    """Storage of a program's data.

    Attributes:
        kind: ``ephemeral`` (deleted with the pod) or ``persistent`` (a PersistentVolumeClaim).
        size: Size of the volume. A pod whose ephemeral volume grows beyond it is evicted.
        storage_class: Storage class of the claim; None for the cluster's default.
    """

    kind: Literal["ephemeral", "persistent"] = "ephemeral"
    size: Quantity = "1Gi"
    storage_class: ObjectName | None = None

    @model_validator(mode="after")
    def _class_only_for_claims(self) -> Self:
        if self.kind == "ephemeral" and self.storage_class is not None:
            problem = Problem("storage_class", "has no effect on ephemeral storage", "remove it, or use persistent")
            raise InvalidSettingsError([problem])
        return self

    @property
    def persistent(self) -> bool:
        """Whether the data outlives the pod."""
        return self.kind == "persistent"

    def claim_spec(self) -> ClaimSpec:
        """The ``spec`` of the PersistentVolumeClaim."""
        spec: ClaimSpec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": self.size}}}
        if self.storage_class is not None:
            spec["storageClassName"] = self.storage_class
        return spec
