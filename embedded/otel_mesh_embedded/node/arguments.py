"""The node's programs out of Go modules, with their arguments, as templates/programs.yaml lists them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from otel_mesh_embedded.node import templates
from otel_mesh_embedded.node.layout import (
    API_PORT,
    CLUSTER_DOMAIN,
    CONTROLLER_MANAGER_PORT,
    ETCD_CLIENT_PORT,
    ETCD_PEER_PORT,
    LOOPBACK,
    NODE_ADDRESS,
    NODE_NAME,
    SCHEDULER_PORT,
    SERVICE_NETWORK,
    Layout,
)
from otel_mesh_embedded.supervision.registry import Program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_mesh_embedded.node.programs import Programs

_LISTED: Final[Mapping[str, dict[str, Any]]] = yaml.safe_load(templates.text("programs.yaml"))
NAMES: Final = tuple(_LISTED)


def program(
    layout: Layout,
    programs: Programs,
    name: str,
    *,
    lists: Mapping[str, Sequence[Path]] | None = None,
    reads: Sequence[Path] = (),
) -> Program:
    """A program with its arguments; what the files among them contain is part of how it is started.

    Args:
        layout: Paths of the environment.
        programs: Paths of the programs.
        name: One of `NAMES`.
        lists: Values of arguments that are given several times.
        reads: Further files that it reads at its start only.
    """
    places = _places(layout)
    pairs = [
        (flag, one.format(**places) if isinstance(one, str) else str(one))
        for flag, value in {**_LISTED[name], **(lists or {})}.items()
        for one in (value if isinstance(value, tuple) else (value,))
    ]
    named = tuple(path for _, value in pairs if value.startswith("/") and (path := Path(value)).is_file())
    argv = (programs.tool(name), *(f"--{flag}={value}" for flag, value in pairs))
    return Program(name, argv, programs.environment, (*named, *reads))


def _places(layout: Layout) -> dict[str, object]:
    """Values of the names in the file."""
    return {
        "pki": layout.pki,
        "config": layout.config,
        "etcd": layout.etcd,
        "kubelet": layout.kubelet,
        "volumes": layout.volumes,
        "etcd_url": f"https://{LOOPBACK}:{ETCD_CLIENT_PORT}",
        "peer_url": f"https://{LOOPBACK}:{ETCD_PEER_PORT}",
        "name": NODE_NAME,
        "node": NODE_ADDRESS,
        "loopback": LOOPBACK,
        "services": SERVICE_NETWORK,
        "domain": CLUSTER_DOMAIN,
        "api_port": API_PORT,
        "controller_manager_port": CONTROLLER_MANAGER_PORT,
        "scheduler_port": SCHEDULER_PORT,
    }
