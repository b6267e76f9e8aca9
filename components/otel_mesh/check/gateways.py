"""Gateways of Istio and of the Gateway API: pods, ports, hosts and certificates."""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.findings import Severity, code, found
from otel_mesh.check.hosts import target_port
from otel_mesh.check.objects import GATEWAY_API, ISTIO, mapping, mappings, number, text, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object
    from otel_mesh.check.workloads import Workload

PODS: Final = code(
    "OM701",
    Severity.ERROR,
    "Gateway that selects no pods",
    why="No proxy serves it.",
    remedy="select labels of the gateway's pods",
    istioctl=("IST0101",),
)
PORT: Final = code(
    "OM702",
    Severity.WARNING,
    "Gateway port that no Service forwards",
    why="The proxy listens, but nobody reaches the port through the gateway's Service.",
    remedy="use the targetPort of a port of the gateway's Service",
    istioctl=("IST0162",),
)
SECRET: Final = code(
    "OM703",
    Severity.ERROR,
    "certificate's Secret does not exist",
    why="The listener is not opened: connections are refused.",
    remedy="create the Secret in the namespace of the gateway's pods",
    istioctl=("IST0101",),
)
BAD_SECRET: Final = code(
    "OM704",
    Severity.ERROR,
    "Secret without a usable certificate",
    why="The listener is not opened: connections are refused.",
    remedy="put a certificate and its key into tls.crt and tls.key",
    istioctl=("IST0161",),
)
CONFLICT: Final = code(
    "OM705",
    Severity.ERROR,
    "two Gateways for one host and port",
    why="One of them is ignored, and which one is not defined.",
    remedy="merge them, or give them different hosts",
    istioctl=("IST0145",),
)
SAME_CERTIFICATE: Final = code(
    "OM706",
    Severity.WARNING,
    "one certificate in two Gateways",
    why="Browsers reuse an HTTP/2 connection for all hosts of a certificate; the other Gateway's hosts answer 404.",
    remedy="use one Gateway for all hosts of the certificate",
    istioctl=("IST0138",),
)
NO_HOSTS: Final = code(
    "OM707",
    Severity.ERROR,
    "Gateway without hosts or servers",
    why="It serves nothing, and Istio refuses the object.",
    remedy="list the hosts",
)
NO_TLS: Final = code(
    "OM708",
    Severity.ERROR,
    "HTTPS listener without a certificate",
    why="The listener cannot be opened.",
    remedy="set tls.credentialName, or tls.mode PASSTHROUGH",
)
_SECURE: Final = frozenset({"HTTPS", "TLS"})


def check(index: Index) -> Iterator[Finding]:
    """Findings of this module."""
    gateways = index.of("Gateway", ISTIO)
    targets = _targets(index)
    for gateway in gateways:
        selector = mapping(gateway.spec.get("selector"))
        pods = index.select("", selector)
        if not pods:
            severity = index.pods_absent(PODS.severity, gateway.namespace)
            shown = ", ".join(f"{key}={value}" for key, value in selector.items())
            yield found(PODS, gateway, "spec.selector", f"no pod has {shown or 'any labels'}", severity=severity)
        if not gateway.spec.get("servers"):
            yield found(NO_HOSTS, gateway, "spec.servers", "it has no servers")
        for place, server in mappings(gateway.spec.get("servers")):
            yield from _server(index, gateway, f"spec.servers[{place}]", server, pods, targets)
    yield from _conflicts(index, gateways)
    yield from _certificates(gateways)
    for gateway in index.of("Gateway", GATEWAY_API):
        yield from _listeners(index, gateway)


def _targets(index: Index) -> dict[int, set[int]]:
    """Ports that Services forward to each workload, by its identity; by number of the Service too."""
    made: dict[int, set[int]] = defaultdict(set)
    for service in index.of("Service"):
        selector = mapping(service.spec.get("selector"))
        for pod in index.select(service.namespace, selector) if selector else ():
            for _, port in mappings(service.spec.get("ports")):
                for value in (target_port(port, pod), number(port.get("port"))):
                    if value is not None:
                        made[id(pod)].add(value)
    return made


def _server(  # noqa: PLR0913, PLR0917 - what a server is compared with
    index: Index,
    gateway: Object,
    path: str,
    server: dict[str, Any],
    pods: Sequence[Workload],
    targets: dict[int, set[int]],
) -> Iterator[Finding]:
    if not words(server.get("hosts")):
        yield found(NO_HOSTS, gateway, f"{path}.hosts", "the server has no hosts")
    port = mapping(server.get("port"))
    value = number(port.get("number"))
    known = set().union(*(targets.get(id(pod), set()) for pod in pods))
    if pods and value is not None and value not in known:
        listed = ", ".join(map(str, sorted(known))) or "none"
        message = f"no Service of {pods[0]} forwards to port {value} (forwarded: {listed})"
        yield found(PORT, gateway, f"{path}.port.number", message)
    tls = mapping(server.get("tls"))
    if text(port.get("protocol")).upper() in _SECURE and not tls.get("httpsRedirect"):
        mode = text(tls.get("mode"))
        certified = tls.get("credentialName") or tls.get("credentialNames") or tls.get("serverCertificate")
        if not certified and mode not in ("PASSTHROUGH", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL"):
            yield found(NO_TLS, gateway, f"{path}.tls", f"port {value} has no certificate")
    for name in [text(tls.get("credentialName")), *words(tls.get("credentialNames"))]:
        if name:
            namespace = pods[0].namespace if pods else gateway.namespace
            yield from _secret(index, gateway, f"{path}.tls.credentialName", namespace, name)


def _secret(index: Index, gateway: Object, path: str, namespace: str, name: str) -> Iterator[Finding]:
    secret = index.get("Secret", namespace, name)
    if secret is None:
        severity = index.absence(SECRET.severity, "Secret", namespace)
        yield found(SECRET, gateway, path, f"Secret {namespace}/{name} does not exist", severity=severity)
        return
    # a rendered stack holds placeholders in the Secrets that it makes
    if any("placeholder" in key for key in secret.annotations):
        return
    if (problem := certificate_problem(secret)) is not None:
        yield found(BAD_SECRET, gateway, path, f"{secret}: {problem}")


def certificate_problem(secret: Object) -> str | None:
    """What is wrong with a Secret as a certificate; None if nothing is.

    Only the form is read, not the validity of the certificate.
    """
    if not isinstance(secret.manifest.get("data", {}), dict) or not isinstance(
        secret.manifest.get("stringData", {}), dict
    ):
        return None  # hidden
    data, plain = mapping(secret.manifest.get("data")), mapping(secret.manifest.get("stringData"))
    for names in (("tls.crt", "cert"), ("tls.key", "key")):
        content = next((plain[name] for name in names if name in plain), None)
        if content is None:
            encoded = next((data[name] for name in names if name in data), None)
            if encoded is None:
                return f"no key '{names[0]}'"
            try:
                content = base64.b64decode(str(encoded), validate=False).decode(errors="replace")
            except (binascii.Error, ValueError):
                return f"'{names[0]}' is not base64"
        if "placeholder" not in str(content) and "-----BEGIN" not in str(content):
            return f"'{names[0]}' is not PEM"
    return None


def _conflicts(index: Index, gateways: Sequence[Object]) -> Iterator[Finding]:
    """Gateways with a common pod, port and host, each reported once; hosts with a namespace bind in it alone."""
    claims: dict[tuple[int, int | None, str, str], list[Object]] = defaultdict(list)
    for gateway in gateways:
        selector = mapping(gateway.spec.get("selector"))
        pods = [id(pod) for pod in index.select("", selector)] or [hash(tuple(sorted(selector.items())))]
        for _, server in mappings(gateway.spec.get("servers")):
            port = number(mapping(server.get("port")).get("number"))
            for host in words(server.get("hosts")):
                for pod in pods:
                    claims[pod, port, text(server.get("bind")), host].append(gateway)
    told: set[int] = set()
    for (_, port, _, host), rivals in claims.items():
        for one in rivals:
            others = sorted({str(other) for other in rivals if other is not one})
            if others and id(one) not in told:
                told.add(id(one))
                yield found(CONFLICT, one, "spec.servers", f"{', '.join(others)} has '{host}' on port {port} too")


def _certificates(gateways: Sequence[Object]) -> Iterator[Finding]:
    users: dict[tuple[str, str], dict[int, Object]] = defaultdict(dict)
    for gateway in gateways:
        for _, server in mappings(gateway.spec.get("servers")):
            tls = mapping(server.get("tls"))
            for name in (tls.get("credentialName"), tls.get("serverCertificate")):
                if name:
                    users[str(sorted(mapping(gateway.spec.get("selector")).items())), str(name)][id(gateway)] = gateway
    for (_, name), sharing in users.items():
        for one in sharing.values() if len(sharing) > 1 else ():
            others = ", ".join(str(other) for other in sharing.values() if other is not one)
            yield found(SAME_CERTIFICATE, one, "spec.servers", f"{others} has certificate '{name}' too")


def _listeners(index: Index, gateway: Object) -> Iterator[Finding]:
    if not gateway.spec.get("listeners"):
        yield found(NO_HOSTS, gateway, "spec.listeners", "it has no listeners")
    for place, listener in mappings(gateway.spec.get("listeners")):
        tls = mapping(listener.get("tls"))
        path = f"spec.listeners[{place}].tls"
        references = mappings(tls.get("certificateRefs"))
        if listener.get("protocol") == "HTTPS" and not references and not tls.get("options"):
            yield found(NO_TLS, gateway, path, f"listener '{text(listener.get('name'))}' has no certificate")
        for at, one in references:
            if (text(one.get("kind")) or "Secret") == "Secret":
                namespace = text(one.get("namespace")) or gateway.namespace
                yield from _secret(index, gateway, f"{path}.certificateRefs[{at}]", namespace, text(one.get("name")))
