"""`make up`: from whatever state the machine is in to a request whose trace was read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local import (
    cluster,
    demonstration,
    gateway_certificate,
    health,
    images,
    machine_lock,
    passwords,
    preflight,
    pulumi_cli,
    secrets,
    sidecars,
    toolchain,
    update,
)
from local.addresses import ADDRESSES
from local.errors import LocalError
from local.node.api import Api
from local.node.explain import explained
from local.node.layout import layout
from local.node.pod_sources import OfApi
from local.stack_mesh import stack_mesh
from local.steps import Steps

if TYPE_CHECKING:
    from rich.console import Console

STACK = "local"


def run(console: Console) -> None:
    """Bring everything up; where it is up already, nothing changes.

    Raises:
        LocalError: something is missing or did not start; what was done before stays for the next run.
    """
    say = Steps(console)
    with machine_lock.hold("make up"):
        preflight.check(layout(), [(address.port, address.name) for address in ADDRESSES])
        with images.ahead():
            programs = toolchain.choices(stack_mesh().programs)
        tools = toolchain.link(programs)
        for line in toolchain.summary(programs):
            say(line)
        built = images.ensure()
        say(f"{len(built)} images")
        secrets.ensure()
        node = cluster.start(say)
        gateway_certificate.hand_over()
        images.import_all(node.ctr)
        with explained(STACK, OfApi(Api(layout())), health.NAMESPACES):
            has_new_password = passwords.follow(tools, say)
            changes = update.up(pulumi_cli.embedded(), STACK, tools, say, Api(layout()).get)
        if has_new_password:
            passwords.deliver()
        say(
            "stack local: " + (", ".join(f"{number} {kind}" for kind, number in sorted(changes.items())) or "no change")
        )
        _require_sidecars()
        for address in ADDRESSES:
            cluster.forward(address.name, address.port, address.namespace, address.service, address.service_port)
        say("sending a request and an order through the gateway")
        with explained(STACK, OfApi(Api(layout())), health.NAMESPACES):
            result = health.checked()
        demonstration.show(result, console)


def _require_sidecars() -> None:
    bare = sidecars.without_sidecar(Api(layout()))
    if bare:
        raise LocalError(
            f"stack {STACK}: without their sidecar: {', '.join('/'.join(pod) for pod in bare)}",
            remedy="; ".join(sidecars.remedy(*pod) for pod in bare),
        )
