"""AuthorizationPolicies of Istio: conflicts on one workload, callers and ports that do not exist."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.findings import Severity, code, found
from otel_mesh.check.hosts import Hosts, target_port
from otel_mesh.check.index import ROOT_NAMESPACE
from otel_mesh.check.objects import ISTIO, items, mapping, mappings, number, text, words
from otel_mesh.check.ports import protocol
from otel_mesh.check.selectors import istio_selector
from otel_mesh.core.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object
    from otel_mesh.check.workloads import Workload

NOBODY: Final = code(
    "OM301",
    Severity.WARNING,
    "ALLOW policy that allows nobody, beside others",
    why="ALLOW policies add up: this one changes nothing.",
    remedy="remove it, or give it rules",
)
EVERYBODY: Final = code(
    "OM302",
    Severity.WARNING,
    "ALLOW rule for everybody beside others",
    why="ALLOW policies add up: all the other ones of the workload have no effect.",
    remedy="name the callers with 'from'",
)
DENIED: Final = code(
    "OM303",
    Severity.WARNING,
    "DENY policy that covers an ALLOW rule",
    why="DENY comes first: the callers of the ALLOW rule are refused.",
    remedy="narrow the DENY rule, or remove the ALLOW rule",
)
ACCOUNT: Final = code(
    "OM304",
    Severity.ERROR,
    "caller's ServiceAccount does not exist",
    why="Nobody has the identity: the calls meant are refused.",
    remedy="name a ServiceAccount of the caller's namespace: trust-domain/ns/NAMESPACE/sa/NAME",
)
NAMESPACE: Final = code(
    "OM305",
    Severity.WARNING,
    "caller's namespace does not exist",
    why="Nobody has the identity: the calls meant are refused.",
    remedy="name a namespace of the cluster",
    istioctl=("IST0101",),
)
PATTERN: Final = code(
    "OM306",
    Severity.WARNING,
    "pattern in a principal",
    why="Istio does not escape suffix patterns (istio#59992), and a pattern admits identities made later.",
    remedy="list exact principals",
)
FORM: Final = code(
    "OM307",
    Severity.ERROR,
    "principal of another form",
    why="No identity equals it: the rule matches nobody.",
    remedy="write trust-domain/ns/NAMESPACE/sa/NAME, without spiffe://",
)
HTTP_ON_TCP: Final = code(
    "OM308",
    Severity.ERROR,
    "HTTP fields for a TCP port",
    why="An ALLOW rule never matches there, and a DENY rule denies every connection.",
    remedy="select by ports and callers only, or declare the port as HTTP",
)
POLICY_PORT: Final = code(
    "OM309",
    Severity.WARNING,
    "policy for a port that the pods do not have",
    why="The rule matches no connection.",
    remedy="name the port of the pods, not that of the Service",
)
ACTIONS: Final = ("ALLOW", "DENY", "CUSTOM", "AUDIT")
_PARTS: Final = 5


def applying(index: Index) -> dict[int, list[Object]]:
    """AuthorizationPolicies by the identity (``id``) of the workloads they apply to."""
    chosen: dict[int, list[Object]] = defaultdict(list)
    for policy in index.of("AuthorizationPolicy", ISTIO):
        for pod in pods_of(index, policy):
            chosen[id(pod)].append(policy)
    return chosen


def pods_of(index: Index, policy: Object) -> Sequence[Workload]:
    """Workloads that a policy applies to; none for one that names its targets."""
    if policy.spec.get("targetRefs") or policy.spec.get("targetRef"):
        return ()
    selected = istio_selector(policy)
    namespace = "" if policy.namespace == ROOT_NAMESPACE else policy.namespace
    return index.select(namespace, selected[1] if selected else {})


def action(policy: Object) -> str:
    """Action of a policy."""
    return text(policy.spec.get("action")) or "ALLOW"


def principals(policy: Object) -> Iterator[tuple[str, str]]:
    """Namespace and ServiceAccount of the callers that a policy's rules name exactly."""
    for _, rule in mappings(policy.spec.get("rules")):
        for _, one in mappings(rule.get("from")):
            for principal in words(mapping(one.get("source")).get("principals")):
                parts = principal.split("/")
                if len(parts) == _PARTS:
                    yield parts[2], parts[4]


def check(index: Index) -> Iterator[Finding]:
    """Findings of this module."""
    hosts = Hosts(index)
    tcp = _tcp_ports(index, hosts)
    for policy in index.of("AuthorizationPolicy", ISTIO):
        pods = pods_of(index, policy) if istio_selector(policy) else ()
        for place, rule in mappings(policy.spec.get("rules")):
            path = f"spec.rules[{place}]"
            yield from _callers(index, policy, path, rule)
            yield from _operations(policy, path, rule, pods, tcp)
    yield from _conflicts(index)


def _conflicts(index: Index) -> Iterator[Finding]:
    told: set[tuple[str, int]] = set()
    for policies in applying(index).values():
        allowing = [one for one in policies if action(one) == "ALLOW"]
        denying = [one for one in policies if action(one) == "DENY"]
        # a policy of the whole namespace without rules is the idiom for "deny by default"
        own = [one for one in allowing if istio_selector(one)]
        for one in own if len(own) > 1 else ():
            names = ", ".join(str(other) for other in own if other is not one)
            if not items(one.spec.get("rules")) and ("nobody", id(one)) not in told:
                told.add(("nobody", id(one)))
                yield found(NOBODY, one, "spec.rules", f"it has no rules; {names} decides")
        for one in allowing if len(allowing) > 1 else ():
            for place, rule in mappings(one.spec.get("rules")):
                others = [other for other in allowing if other is not one and items(other.spec.get("rules"))]
                if not rule and others and ("everybody", id(one)) not in told:
                    told.add(("everybody", id(one)))
                    message = f"it allows everything; {', '.join(map(str, others[:3]))} has no effect"
                    yield found(EVERYBODY, one, f"spec.rules[{place}]", message)
        for one in denying:
            for other in allowing:
                if ("denied", id(other)) not in told and (at := _covered(one, other)) is not None:
                    told.add(("denied", id(other)))
                    yield found(DENIED, other, f"spec.rules[{at}]", f"{one} denies all that it allows")


def _covered(denying: Object, allowing: Object) -> int | None:
    """Position of an ALLOW rule that a DENY rule covers whole."""
    denials = [rule for _, rule in mappings(denying.spec.get("rules"))]
    for place, rule in mappings(allowing.spec.get("rules")):
        for denial in denials:
            if all(_covers(denial.get(part), rule.get(part)) for part in ("from", "to", "when")):
                return place
    return None


def _covers(wide: object, narrow: object) -> bool:
    """Whether alternatives of a DENY rule include all of an ALLOW rule; nothing stands for everything."""
    if not wide:
        return True
    listed = {json.dumps(one, sort_keys=True) for one in items(wide)}
    if narrow and all(json.dumps(one, sort_keys=True) in listed for one in items(narrow)):
        return True
    mine, theirs = _plain(wide), _plain(narrow)
    return bool(theirs) and theirs <= mine


def _plain(alternatives: object) -> set[str]:
    """Values of alternatives that each have one field, as ``field=value``; empty if any has more."""
    values: set[str] = set()
    for one in items(alternatives):
        inner = mapping(next(iter(mapping(one).values()), None))
        if len(mapping(one)) != 1 or len(inner) != 1:
            return set()
        ((field, listed),) = inner.items()
        values |= {f"{field}={value}" for value in words(listed)}
    return values


def _callers(index: Index, policy: Object, path: str, rule: dict[str, Any]) -> Iterator[Finding]:
    for at, one in mappings(rule.get("from")):
        source = mapping(one.get("source"))
        for field in ("principals", "notPrincipals"):
            for position, principal in enumerate(words(source.get(field))):
                where = f"{path}.from[{at}].source.{field}[{position}]"
                yield from _principal(index, policy, where, principal)
        for field in ("namespaces", "notNamespaces"):
            for position, name in enumerate(words(source.get(field))):
                where = f"{path}.from[{at}].source.{field}[{position}]"
                if "*" not in name and name not in index.used_namespaces:
                    yield found(NAMESPACE, policy, where, f"namespace '{name}' is not among the objects")


def _principal(index: Index, policy: Object, path: str, principal: str) -> Iterator[Finding]:
    if principal == "*":
        return
    parts = principal.split("/")
    if principal.startswith("spiffe://") or (
        "*" not in principal and (len(parts) != _PARTS or parts[1::2] != ["ns", "sa"])
    ):
        yield found(FORM, policy, path, f"'{principal}' is not of the form trust-domain/ns/NAMESPACE/sa/NAME")
        return
    if "*" in principal:
        yield found(PATTERN, policy, path, f"'{principal}' is a pattern")
        return
    yield from account(index, policy, path, parts[2], parts[4])


def account(index: Index, policy: Object, path: str, namespace: str, name: str) -> Iterator[Finding]:
    """Finding of a caller whose ServiceAccount does not exist.

    Args:
        index: Objects of the check.
        policy: Policy that names the caller.
        path: Path of the caller's name.
        namespace: Namespace of the caller.
        name: Name of the ServiceAccount.
    """
    if index.get("ServiceAccount", namespace, name) is not None or name == "default":
        return
    if namespace not in index.used_namespaces:
        severity = Severity.INFO  # a team's workload belongs to another stack
        message = f"namespace '{namespace}' of ServiceAccount '{name}' is not among the objects"
        yield found(NAMESPACE, policy, path, message, severity=severity)
        return
    known = [one.name for one in index.of("ServiceAccount") if one.namespace == namespace]
    hint = nearest(name, known)
    severity = index.absence(ACCOUNT.severity, "ServiceAccount", namespace)
    message = f"ServiceAccount {namespace}/{name} does not exist"
    remedy = hint if hint.startswith("did") else ""
    yield found(ACCOUNT, policy, path, message, remedy=remedy, severity=severity)


def _tcp_ports(index: Index, hosts: Hosts) -> dict[int, dict[int, str]]:
    """Protocol of each port of the pods, by identity of the workload."""
    made: dict[int, dict[int, str]] = defaultdict(dict)
    for service in index.of("Service"):
        for pod in hosts.workloads(service):
            for _, port in mappings(service.spec.get("ports")):
                target = target_port(port, pod)
                if target is not None:
                    made[id(pod)][target] = protocol(port)
    return made


_OF_HTTP: Final = ("methods", "paths", "hosts", "notMethods", "notPaths", "notHosts")
_OPAQUE: Final = frozenset({"tcp", "tls", "https", "redis", "mysql", "mongo"})


def _operations(
    policy: Object, path: str, rule: dict[str, Any], pods: Sequence[Workload], protocols: dict[int, dict[int, str]]
) -> Iterator[Finding]:
    for at, one in mappings(rule.get("to")):
        operation = mapping(one.get("operation"))
        ports = [value for name in words(operation.get("ports")) if (value := number(name)) is not None]
        for pod in pods:
            known = protocols.get(id(pod), {})
            chosen = [known[value] for value in ports if value in known] if ports else list(known.values())
            fields = [field for field in _OF_HTTP if operation.get(field)]
            if fields and chosen and all(spoken in _OPAQUE for spoken in chosen):
                message = f"{pod} speaks {chosen[0]} there, '{fields[0]}' is of HTTP"
                yield found(HTTP_ON_TCP, policy, f"{path}.to[{at}].operation.{fields[0]}", message)
                break
            absent = [value for value in ports if pod.port_numbers and value not in pod.port_numbers]
            if absent and not any(value in known for value in absent):
                message = (
                    f"{pod} declares no port {absent[0]} (its ports: {', '.join(map(str, sorted(pod.port_numbers)))})"
                )
                yield found(POLICY_PORT, policy, f"{path}.to[{at}].operation.ports", message)
                break
