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
    from otel_mesh_cli.stacks.addresses import Address
    from otel_mesh_embedded.supervision.registry import Registry
    from otel_mesh_stack.outputs import ServicePort

PREFIX: Final = "forward-"
"""Beginning of the names of the programs that forward."""
_TIMEOUT_S: Final = 5.0


def forward(address: Address) -> None:
    """Make the Service of an address reachable at its port of 127.0.0.1, even while its pods are replaced.

    The caller holds the machine's lock.

    Raises:
        CommandError: another program uses the port, or the Service does not exist.
    """
    node = assemble(built=False)
    place = address.place
    inside = target(Api(node.layout), place)
    if inside is None:
        raise CommandError(f"service {place.namespace}/{place.name}: not there", remedy="run `otel-mesh up`")
    program = PREFIX + address.name
    mine = {process.pid for process in node.registry.processes(program)}
    listener = (LOOPBACK, address.port, address.name)
    for error in preflight.ports_in_use(ports.taken([listener], mine)):
        raise error
    argv = (
        node.programs.packaged("socat"),
        f"TCP4-LISTEN:{address.port},bind={LOOPBACK},reuseaddr,fork,backlog=128",
        f"TCP4:{inside},connect-timeout=5",
    )
    node.registry.ensure(Program(program, argv, node.programs.environment))
    waiting.until(
        f"port {LOOPBACK}:{address.port} (for {address.name})",
        lambda: bool(ports.taken([listener])),
        node.registry,
        [program],
        timeout=_TIMEOUT_S,
    )


def target(api: Api, place: ServicePort) -> str | None:
    """Host and port inside the cluster, ``10.96.0.7:80``, of a Service; None if it does not exist."""
    found = api.get(f"/api/v1/namespaces/{place.namespace}/services/{place.name}")
    return None if found is None else f"{found['spec']['clusterIP']}:{place.port}"


def current(registry: Registry, name: str) -> str | None:
    """Host and port inside the cluster that a name's port leads to; None if it is not forwarded."""
    try:
        argv = json.loads((registry.specifications / f"{PREFIX}{name}.json").read_text())["argv"]
    except FileNotFoundError:
        return None
    return str(argv[-1]).removeprefix("TCP4:").partition(",")[0]
