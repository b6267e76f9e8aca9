"""Mutual TLS: what servers demand and what clients send."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.findings import Severity, code, found
from otel_mesh.check.hosts import Hosts
from otel_mesh.check.index import ROOT_NAMESPACE
from otel_mesh.check.objects import ISTIO, mapping, mappings, text
from otel_mesh.check.selectors import istio_selector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object

REFUSED: Final = code(
    "OM320",
    Severity.ERROR,
    "plain text to pods that demand mTLS",
    why="The server resets every connection: the clients see 503.",
    remedy="remove trafficPolicy.tls (mTLS is automatic), or set ISTIO_MUTUAL",
)
PERMISSIVE: Final = code(
    "OM321",
    Severity.WARNING,
    "PERMISSIVE mTLS",
    why="Clients without the mesh's identity are accepted in plain text, unseen by policies that name principals.",
    remedy="set STRICT once all clients are in the mesh",
)
DISABLED: Final = code(
    "OM322",
    Severity.WARNING,
    "mTLS switched off",
    why="Traffic is plain text, and callers have no identity: rules with principals refuse everybody.",
    remedy="set STRICT",
)
TWO_MODES: Final = code(
    "OM323",
    Severity.WARNING,
    "two PeerAuthentications of one scope",
    why="The older one applies, the other has no effect.",
    remedy="merge them",
)
UNVERIFIED: Final = code(
    "OM324",
    Severity.WARNING,
    "TLS to a server whose certificate is not verified",
    why="Anybody between can answer in the server's name.",
    remedy="set caCertificates, or credentialName with a workloadSelector",
    istioctl=("IST0128", "IST0129"),
)


def check(index: Index) -> Iterator[Finding]:
    """Findings of this module."""
    policies = index.of("PeerAuthentication", ISTIO)
    for policy in policies:
        yield from _mode(policy)
    yield from _two_modes(index)
    modes = Modes(index)
    hosts = Hosts(index)
    for rule in index.of("DestinationRule", ISTIO):
        for path, traffic in _policies(rule):
            yield from _client(rule, path, traffic, modes, hosts)


def _mode(policy: Object) -> Iterator[Finding]:
    places = [("spec.mtls.mode", policy.spec.get("mtls"))]
    ports = mapping(policy.spec.get("portLevelMtls"))
    places += [(f"spec.portLevelMtls.{port}.mode", value) for port, value in ports.items()]
    for path, value in places:
        mode = text(mapping(value).get("mode"))
        if mode == "PERMISSIVE":
            yield found(PERMISSIVE, policy, path, "plain text is accepted")
        elif mode == "DISABLE":
            yield found(DISABLED, policy, path, "mTLS is off")


def _two_modes(index: Index) -> Iterator[Finding]:
    whole: dict[str, list[Object]] = defaultdict(list)
    by_pod: dict[int, list[Object]] = defaultdict(list)
    for policy in index.of("PeerAuthentication", ISTIO):
        selected = istio_selector(policy)
        if selected is None:
            whole[policy.namespace].append(policy)
        else:
            for pod in index.select(policy.namespace, selected[1]):
                by_pod[id(pod)].append(policy)
    told: set[int] = set()
    for rivals in [*whole.values(), *by_pod.values()]:
        for one in rivals[1:]:
            if id(one) not in told:
                told.add(id(one))
                yield found(TWO_MODES, one, "spec", f"{rivals[0]} has the same scope")


class Modes:
    """The mTLS mode that each workload's proxy demands.

    Args:
        index: Objects of the check.
    """

    def __init__(self, index: Index) -> None:
        self._by_pod: dict[int, Object] = {}
        self._by_namespace: dict[str, Object] = {}
        for policy in index.of("PeerAuthentication", ISTIO):
            selected = istio_selector(policy)
            if selected is None:
                self._by_namespace.setdefault(policy.namespace, policy)
                continue
            for pod in index.select(policy.namespace, selected[1]):
                self._by_pod.setdefault(id(pod), policy)

    def of(self, namespace: str, pods: tuple[Any, ...]) -> tuple[str, Object | None]:
        """Mode for the pods of a Service, and the policy that sets it."""
        for policy in (
            *(self._by_pod.get(id(pod)) for pod in pods),
            self._by_namespace.get(namespace),
            self._by_namespace.get(ROOT_NAMESPACE),
        ):
            mode = text(mapping(policy.spec.get("mtls")).get("mode")) if policy else ""
            if mode and mode != "UNSET":
                return mode, policy
        return "", None


def _policies(rule: Object) -> Iterator[tuple[str, dict[str, Any]]]:
    top = mapping(rule.spec.get("trafficPolicy"))
    yield "spec.trafficPolicy", top
    for place, one in mappings(top.get("portLevelSettings")):
        yield f"spec.trafficPolicy.portLevelSettings[{place}]", one
    for place, subset in mappings(rule.spec.get("subsets")):
        yield f"spec.subsets[{place}].trafficPolicy", mapping(subset.get("trafficPolicy"))


def _client(rule: Object, path: str, traffic: dict[str, Any], modes: Modes, hosts: Hosts) -> Iterator[Finding]:
    tls = mapping(traffic.get("tls"))
    mode = text(tls.get("mode"))
    if mode in ("SIMPLE", "MUTUAL") and not tls.get("caCertificates"):
        if not (tls.get("credentialName") and "workloadSelector" in rule.spec):
            yield found(UNVERIFIED, rule, f"{path}.tls", f"mode {mode} without caCertificates")
        return
    target = hosts.find(text(rule.spec.get("host")), rule.namespace)
    if mode != "DISABLE" or target is None or target.kind != "Service":
        return
    demanded, policy = modes.of(target.namespace, hosts.workloads(target))
    if demanded == "STRICT":
        yield found(REFUSED, rule, f"{path}.tls.mode", f"{policy} demands mTLS of the callers of {target}")
