"""Who may call whom in one version, by its Istio AuthorizationPolicies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_mesh_cli.review.workloads import Workload

ANYONE: Final = "anyone"
_ROOT: Final = "istio-system"
"""Namespace whose policies hold in the whole mesh."""


@dataclass(frozen=True, order=True)
class Call:
    """A call that the mesh lets through.

    Attributes:
        callee: Called workload, ``namespace/name``.
        caller: ``namespace/service account``, or `ANYONE`.
        what: Requests that are allowed; empty for all.
    """

    callee: str
    caller: str
    what: str = ""

    def __str__(self) -> str:
        """``shop/api-gateway -> shop/user-service (port 8081)``."""
        return f"{self.caller} -> {self.callee}" + (f" ({self.what})" if self.what else "")


def calls(manifests: Iterable[Mapping[str, Any]], workloads: Iterable[Workload]) -> frozenset[Call]:
    """All calls that the mesh lets through.

    A workload without a proxy, or without a policy that allows anything, accepts anyone. Policies that deny are not
    evaluated: `denials` names them.

    Args:
        manifests: Objects of the version.
        workloads: Workloads of the version.
    """
    policies = [one for one in manifests if one["kind"] == "AuthorizationPolicy"]
    return frozenset(call for workload in workloads for call in _calls(workload, policies))


def denials(manifests: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Policies with another action than ALLOW, as ``namespace/name ACTION``."""
    policies = (one for one in manifests if one["kind"] == "AuthorizationPolicy")
    return frozenset(
        f"{one['metadata'].get('namespace', '')}/{one['metadata']['name']} {_action(one)}"
        for one in policies
        if _action(one) != "ALLOW"
    )


def _action(policy: Mapping[str, Any]) -> str:
    return str((policy.get("spec") or {}).get("action", "ALLOW"))


def _calls(workload: Workload, policies: list[Mapping[str, Any]]) -> Iterator[Call]:
    allowing = [one for one in policies if _action(one) == "ALLOW" and _applies(one, workload)]
    if not workload.meshed or not allowing:
        yield Call(workload.place, ANYONE)
        return
    for policy in allowing:
        for rule in (policy.get("spec") or {}).get("rules") or ():
            what = ", ".join(_what(rule))
            for caller in _callers(rule):
                yield Call(workload.place, caller, what)


def _applies(policy: Mapping[str, Any], workload: Workload) -> bool:
    namespace = policy["metadata"].get("namespace")
    labels = ((policy.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    return namespace in {workload.namespace, _ROOT} and workload.is_selected(labels)


def _callers(rule: Mapping[str, Any]) -> Iterator[str]:
    for source in (one["source"] for one in rule.get("from") or ()):
        for principal in source.get("principals") or ():
            _, _, rest = str(principal).partition("/ns/")
            namespace, _, account = rest.partition("/sa/")
            yield f"{namespace}/{account}" if account else str(principal)
        yield from (f"namespace {one}" for one in source.get("namespaces") or ())
        yield from (f"token {one}" for one in source.get("requestPrincipals") or ())
        if not source.keys() & {"principals", "namespaces", "requestPrincipals"}:
            yield ANYONE
    if not rule.get("from"):
        yield ANYONE


def _what(rule: Mapping[str, Any]) -> Iterator[str]:
    for operation in (one["operation"] for one in rule.get("to") or ()):
        parts = [" ".join(operation.get("methods") or ()), " ".join(operation.get("paths") or ())]
        ports = operation.get("ports") or ()
        if ports:
            parts.append(f"port {' '.join(str(one) for one in ports)}")
        parts += [
            f"not {name[3:].lower()} {' '.join(value)}"
            for name, value in sorted(operation.items())
            if name[:3] == "not"
        ]
        yield " ".join(part for part in parts if part)
