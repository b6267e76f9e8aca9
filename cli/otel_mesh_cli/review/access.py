"""Who may call whom in one version, as the offline checks decide it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh.check.authorization import action
from otel_mesh.check.callers import Callers
from otel_mesh.check.error_backends import is_error_backend
from otel_mesh.check.objects import ISTIO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh.check.index import Index


@dataclass(frozen=True, order=True)
class Call:
    """A call that the policies let through.

    Attributes:
        callee: Called workload, ``namespace/name``.
        caller: Name of the caller, as `otel_mesh.check.callers.Callers.of` gives it.
        what: Requests that are allowed; empty for all.
    """

    callee: str
    caller: str
    what: str = ""

    def __str__(self) -> str:
        """``shop/api-gateway -> shop/user-service (port 8081)``."""
        return f"{self.caller} -> {self.callee}" + (f" ({self.what})" if self.what else "")


def accepted(index: Index) -> dict[str, dict[str, frozenset[str]]]:
    """Requests that each workload accepts, by the workload and the caller; without error backends.

    Args:
        index: Objects of the version.
    """
    callers = Callers(index)
    return {one.object.place: callers.of(one) for one in index.workloads if not is_error_backend(one)}


def calls(callers: Mapping[str, Mapping[str, frozenset[str]]]) -> frozenset[Call]:
    """All calls that AuthorizationPolicies of both meshes and NetworkPolicies let through.

    What a policy denies only in part counts as let through: `denials` names such policies.

    Args:
        callers: What `accepted` returns.
    """
    return frozenset(
        Call(callee, caller, what)
        for callee, known in callers.items()
        for caller, requests in known.items()
        for what in requests
    )


def denials(index: Index) -> dict[str, str]:
    """Rules of Istio's policies with another action than ALLOW, by ``namespace/name ACTION``."""
    policies = (one for one in index.of("AuthorizationPolicy", ISTIO) if action(one) != "ALLOW")
    return {f"{one.place} {action(one)}": json.dumps(one.spec, sort_keys=True, default=str) for one in policies}
