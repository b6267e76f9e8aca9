"""Programs of the control plane: etcd, API server, controller manager, scheduler."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from otel_mesh_cli.core import files
from otel_mesh_embedded.node import templates
from otel_mesh_embedded.node.layout import (
    API_PORT,
    CLUSTER_DOMAIN,
    CONTROLLER_MANAGER_PORT,
    ETCD_CLIENT_PORT,
    ETCD_PEER_PORT,
    LOOPBACK,
    NODE_ADDRESS,
    SCHEDULER_PORT,
    SERVICE_NETWORK,
    Layout,
)
from otel_mesh_embedded.pki import credentials, signing_keys
from otel_mesh_embedded.supervision.registry import Program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_mesh_embedded.node.programs import Programs


def etcd(layout: Layout, programs: Programs) -> Program:
    """The database: one member, reached over loopback with certificates only."""
    return _program(layout, programs, "etcd")


def api_server(layout: Layout, programs: Programs) -> Program:
    """The API server: certificates or tokens for everyone, Secrets encrypted in the database."""
    keys = signing_keys.verifying(layout.pki, credentials.SERVICE_ACCOUNT)
    return _program(layout, programs, "kube-apiserver", {"service-account-key-file": keys})


def controller_manager(layout: Layout, programs: Programs) -> Program:
    """The controllers."""
    return _program(layout, programs, "kube-controller-manager")


def scheduler(layout: Layout, programs: Programs) -> Program:
    """The scheduler, with its configuration file written."""
    files.write(layout.config / "scheduler.yaml", scheduler_configuration(layout))
    return _program(layout, programs, "kube-scheduler")


def scheduler_configuration(layout: Layout) -> str:
    """The file for `kube-scheduler --config`."""
    kubeconfig = credentials.kubeconfig_path(layout, credentials.SCHEDULER)
    return templates.filled("kube-scheduler.yaml", kubeconfig=str(kubeconfig))


def _program(
    layout: Layout, programs: Programs, name: str, lists: Mapping[str, Sequence[Path]] | None = None
) -> Program:
    """A program with its arguments of ``control-plane.yaml``; files among them are part of what it depends on."""
    arguments: dict[str, Any] = yaml.safe_load(templates.text("control-plane.yaml"))[name] | (lists or {})
    places = _places(layout)
    pairs = [
        (flag, one.format(**places) if isinstance(one, str) else str(one))
        for flag, value in arguments.items()
        for one in (value if isinstance(value, tuple) else (value,))
    ]
    reads = tuple(path for _, value in pairs if value.startswith("/") and (path := Path(value)).is_file())
    argv = (programs.tool(name), *(f"--{flag}={value}" for flag, value in pairs))
    return Program(name, argv, programs.environment, reads)


def _places(layout: Layout) -> dict[str, object]:
    """Values of the names in ``control-plane.yaml``."""
    return {
        "pki": layout.pki,
        "config": layout.config,
        "etcd": layout.etcd,
        "kubelet": layout.kubelet,
        "etcd_url": f"https://{LOOPBACK}:{ETCD_CLIENT_PORT}",
        "peer_url": f"https://{LOOPBACK}:{ETCD_PEER_PORT}",
        "node": NODE_ADDRESS,
        "loopback": LOOPBACK,
        "services": SERVICE_NETWORK,
        "domain": CLUSTER_DOMAIN,
        "api_port": API_PORT,
        "controller_manager_port": CONTROLLER_MANAGER_PORT,
        "scheduler_port": SCHEDULER_PORT,
    }
