"""Enforcement of NetworkPolicies: a program of the node, its rights, and removal of the address sets it leaves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.core.run import run
from otel_mesh_embedded import packages, toolchain
from otel_mesh_embedded.node import templates
from otel_mesh_embedded.node.layout import NODE_NAME, SERVICE_NETWORK
from otel_mesh_embedded.pki import credentials
from otel_mesh_embedded.supervision.registry import Program

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from otel_mesh_embedded.node.layout import Layout
    from otel_mesh_embedded.node.programs import Programs

PROGRAM: Final = "network-policies"
PACKAGES: Final = ("ipset",)
"""Debian packages of the program alone; with those of the node, a new one would restart every program of it."""
_SETS: Final = ("KUBE-SRC-", "KUBE-DST-", "TMP-")
"""Prefixes of the sets that the program makes; TMP- while it fills one."""
_PATHS: Final = ("PATH", "LD_LIBRARY_PATH")


def program(layout: Layout, programs: Programs) -> Program:
    """The program that turns NetworkPolicies into iptables rules; it and ipset are provided first.

    Raises:
        CommandError: One of the two cannot be provided.
    """
    kubeconfig = credentials.kubeconfig_path(layout, credentials.NETWORK_POLICIES)
    argv = (
        # Not among the programs of the node: their folder has another path with one more, and all would start anew.
        str(toolchain.folder((PROGRAM,)) / PROGRAM),
        f"--kubeconfig={kubeconfig}",
        f"--node={NODE_NAME}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
    )
    return Program(PROGRAM, argv, _environment(packages.ensure(PACKAGES), programs.environment), (kubeconfig,))


def manifests() -> list[dict[str, Any]]:
    """The rights of the program."""
    return templates.objects("network-policies.yaml", user=credentials.NETWORK_POLICIES.common_name)


def sets(environment: Mapping[str, str]) -> list[str]:
    """Names of the program's address sets that exist; none if it never ran on this machine."""
    prefix = packages.here(PACKAGES)
    if prefix is None:
        return []
    listed = run(["ipset", "list", "-n"], env=_environment(prefix, environment)).stdout.splitlines()
    return [name for name in listed if name.startswith(_SETS)]


def remove_sets(environment: Mapping[str, str]) -> None:
    """Remove the program's address sets, once no rule uses them."""
    prefix = packages.here(PACKAGES)
    if prefix is None:
        return
    for name in sets(environment):
        run(["ipset", "destroy", name], env=_environment(prefix, environment))


def _environment(prefix: Path, base: Mapping[str, str]) -> dict[str, str]:
    """Environment of the node's programs, with the programs and libraries of a further prefix."""
    own = packages.environment(prefix)
    added = {"PATH": f"{prefix / 'usr' / 'sbin'}", "LD_LIBRARY_PATH": own["LD_LIBRARY_PATH"]}
    return {**base, **{name: os.pathsep.join(filter(None, (base.get(name), added[name]))) for name in _PATHS}}
