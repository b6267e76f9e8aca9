"""Loopback ports that lead to Services of the cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node import waiting
from otel_mesh_embedded.node.api import Api
from otel_mesh_embedded.node.layout import LOOPBACK
from otel_mesh_embedded.node.machine import ports, preflight
from otel_mesh_embedded.node.node import assemble
from otel_mesh_embedded.supervision.registry import Program

if TYPE_CHECKING:
    from otel_mesh_embedded.supervision.registry import Registry

PREFIX: Final = "forward-"
"""Beginning of the names of the programs that forward."""
_TIMEOUT_S: Final = 5.0


def forward(name: str, listen_port: int, namespace: str, service: str, port: int) -> None:
    """Make a Service reachable at a port of 127.0.0.1, even while its pods are replaced.

    The caller holds the machine's lock.

    Args:
        name: Name of the address, as in ``OTEL_MESH_PORT_<NAME>``.
        listen_port: Port on loopback.
        namespace: Namespace of the Service.
        service: Name of the Service.
        port: Port of the Service.

    Raises:
        CommandError: another program uses the port, or the Service does not exist.
    """
    node = assemble(built=False)
    place = address(Api(node.layout), namespace, service, port)
    if place is None:
        raise CommandError(f"service {namespace}/{service}: not there", remedy="run `otel-mesh up`")
    program = PREFIX + name
    mine = {process.pid for process in node.registry.processes(program)}
    for error in preflight.ports_in_use(ports.taken([(LOOPBACK, listen_port, name)], mine)):
        raise error
    argv = (
        node.programs.packaged("socat"),
        f"TCP4-LISTEN:{listen_port},bind={LOOPBACK},reuseaddr,fork,backlog=128",
        f"TCP4:{place},connect-timeout=5",
    )
    node.registry.ensure(Program(program, argv, node.programs.environment))
    waiting.until(
        f"port {LOOPBACK}:{listen_port} (for {name})",
        lambda: bool(ports.taken([(LOOPBACK, listen_port, name)])),
        node.registry,
        [program],
        timeout=_TIMEOUT_S,
    )


def address(api: Api, namespace: str, service: str, port: int) -> str | None:
    """Address inside the cluster, ``10.96.0.7:80``, that a Service is forwarded to; None if it does not exist."""
    found = api.get(f"/api/v1/namespaces/{namespace}/services/{service}")
    return None if found is None else f"{found['spec']['clusterIP']}:{port}"


def target(registry: Registry, name: str) -> str | None:
    """Address inside the cluster that a name's port leads to; None if it is not forwarded."""
    try:
        argv = json.loads((registry.specifications / f"{PREFIX}{name}.json").read_text())["argv"]
    except FileNotFoundError:
        return None
    return str(argv[-1]).removeprefix("TCP4:").partition(",")[0]
