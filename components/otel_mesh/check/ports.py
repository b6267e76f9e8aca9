"""Ports of Services: numbers that pods have, and protocols that a mesh can read."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.findings import Severity, code, found
from otel_mesh.check.hosts import Hosts, target_port
from otel_mesh.check.objects import mapping, mappings, number, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object
    from otel_mesh.check.workloads import Workload

TARGET: Final = code(
    "OM210",
    Severity.ERROR,
    "targetPort that no container has",
    why="Connections to the Service are refused.",
    remedy="name a port of the containers",
)
NAME: Final = code(
    "OM211",
    Severity.INFO,
    "port without a protocol",
    why="The mesh guesses the protocol from the first bytes; servers that speak first (SMTP, MySQL) do not work so.",
    remedy="set appProtocol, or begin the port's name with the protocol: http, grpc, tcp, redis ...",
    istioctl=("IST0118",),
)
OPAQUE: Final = code(
    "OM212",
    Severity.WARNING,
    "HTTP server behind a port declared as TCP",
    why="The mesh does not see requests: no routes, retries, metrics by status, or spans.",
    remedy="set appProtocol to http or grpc",
)
EXTERNAL: Final = code(
    "OM213",
    Severity.WARNING,
    "ExternalName Service with a TCP port",
    why="Istio forwards all unmatched connections to such a port.",
    remedy="set the protocol that the host speaks, or use a ServiceEntry",
    istioctl=("IST0150",),
)
TWO_PROTOCOLS: Final = code(
    "OM214",
    Severity.WARNING,
    "pods behind two Services with different protocols for one port",
    why="The mesh configures one of the two protocols for both Services.",
    remedy="give the port the same protocol in both Services",
    istioctl=("IST0116",),
)
TWO_PORTS: Final = code(
    "OM215",
    Severity.WARNING,
    "pods behind two Services with different ports for one targetPort",
    why="The mesh's inbound configuration of the port comes from one of the Services.",
    remedy="use the same port in both Services, or another targetPort",
    istioctl=("IST0137",),
)
PROXY_USER: Final = code(
    "OM216",
    Severity.WARNING,
    "container with the proxy's user ID",
    why="Traffic of user 1337 bypasses the proxy: no mTLS, no policy, no spans.",
    remedy="run the container with another user ID",
    istioctl=("IST0144",),
)

_HTTP: Final = frozenset({"http", "http2", "grpc", "grpc-web", "h2c"})
_PROTOCOLS: Final = _HTTP | {"https", "tcp", "tls", "udp", "mongo", "mysql", "redis", "auto", "hbone", "http_proxy"}
_PROXY_UID: Final = 1337
_STANDARD_PREFIX: Final = "kubernetes.io/"


def protocol(port: dict[str, Any]) -> str:
    """Protocol of a Service's port, as its ``appProtocol`` or name says; empty if neither does."""
    declared = text(port.get("appProtocol")).lower()
    if declared:
        return declared.removeprefix(_STANDARD_PREFIX)
    if text(port.get("protocol")).upper() == "UDP":
        return "udp"
    name = text(port.get("name")).lower()
    if name.startswith("grpc-web"):
        return "grpc-web"
    first = name.partition("-")[0]
    return first if first in _PROTOCOLS else ""


def check(index: Index) -> Iterator[Finding]:
    """Findings of this module."""
    hosts = Hosts(index)
    behind: dict[int, list[Object]] = defaultdict(list)
    for service in index.of("Service"):
        pods = hosts.workloads(service)
        for pod in pods:
            behind[id(pod)].append(service)
        for place, port in mappings(service.spec.get("ports")):
            yield from _port(index, service, f"spec.ports[{place}]", port, pods)
    for workload in index.workloads:
        yield from _shared(index, workload, behind.get(id(workload), ()))
        if not index.is_system(workload.namespace):
            yield from _user(workload)


def _port(
    index: Index, service: Object, path: str, port: dict[str, Any], pods: Sequence[Workload]
) -> Iterator[Finding]:
    if index.is_system(service.namespace) or "istio" in service.labels or service.labels.get("app") == "istiod":
        return
    spoken = protocol(port)
    shown = text(port.get("name")) or str(port.get("port"))
    if service.spec.get("type") == "ExternalName":
        if not spoken or port.get("name") == "tcp":
            yield found(EXTERNAL, service, path, f"port '{shown}' has no protocol but TCP")
    elif not spoken:
        yield found(NAME, service, f"{path}.name", f"port '{shown}' names no protocol")
    for pod in pods:
        wanted = target_port(port, pod)
        if wanted is None:
            message = f"{pod} has no port named '{port.get('targetPort')}'"
            yield found(TARGET, service, f"{path}.targetPort", message)
            return
        if pod.port_numbers and wanted not in pod.port_numbers and not pod.is_on_host_network and not _proxy_only(pod):
            listed = ", ".join(map(str, sorted(pod.port_numbers)))
            message = f"{pod} declares no port {wanted} (its ports: {listed})"
            yield found(TARGET, service, f"{path}.targetPort", message, severity=Severity.WARNING)
            return
        if spoken == "tcp" and _speaks_http(pod, wanted):
            yield found(OPAQUE, service, path, f"port {wanted} of {pod} speaks HTTP, port '{shown}' says TCP")
            return


def _proxy_only(pod: Workload) -> bool:
    """Whether the pods are a gateway's, whose proxy listens on whatever the Gateway object says."""
    return {one.get("name") for _, one in pod.containers()} == {"istio-proxy"}


def _speaks_http(pod: Workload, port: int) -> bool:
    for _, container in pod.containers():
        for one in (mapping(port_) for _, port_ in mappings(container.get("ports"))):
            if number(one.get("containerPort")) == port and text(one.get("name")).partition("-")[0] in _HTTP:
                return True
        for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
            asked = mapping(container.get(probe))
            for way in ("httpGet", "grpc"):
                target = mapping(asked.get(way)).get("port")
                if target is not None and port in (number(target), pod.port_named(text(target))):
                    return True
    return False


def _shared(index: Index, workload: Workload, services: Sequence[Object]) -> Iterator[Finding]:
    if len(services) < 2 or not index.injects(workload):  # noqa: PLR2004 - two
        return
    protocols: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    numbers: dict[str, dict[int, str]] = defaultdict(dict)
    for service in services:
        for _, port in mappings(service.spec.get("ports")):
            value = number(port.get("port"))
            if value is None:
                continue
            protocols[value][text(port.get("protocol")) or "TCP"].append(service.name)
            numbers[str(port.get("targetPort", value))].setdefault(value, service.name)
    for value, by_protocol in protocols.items():
        if len(by_protocol) > 1:
            names = ", ".join(f"{kind} in {', '.join(of)}" for kind, of in sorted(by_protocol.items()))
            yield found(TWO_PROTOCOLS, workload.object, "metadata.name", f"port {value} is {names}")
    for target, by_number in numbers.items():
        if len(by_number) > 1:
            names = ", ".join(f"{value} in {name}" for value, name in sorted(by_number.items()))
            yield found(TWO_PORTS, workload.object, "metadata.name", f"targetPort {target} is port {names}")


def _user(workload: Workload) -> Iterator[Finding]:
    context = mapping(workload.spec.get("securityContext"))
    if number(context.get("runAsUser")) == _PROXY_UID and not _proxy_only(workload):
        yield found(PROXY_USER, workload.object, workload.path("spec.securityContext.runAsUser"), "user ID is 1337")
    for path, container in workload.containers():
        if str(container.get("name")) in ("istio-proxy", "enable-core-dump"):
            continue
        if number(mapping(container.get("securityContext")).get("runAsUser")) == _PROXY_UID:
            message = f"user ID of container '{container.get('name')}' is 1337"
            yield found(PROXY_USER, workload.object, f"{path}.securityContext.runAsUser", message)
