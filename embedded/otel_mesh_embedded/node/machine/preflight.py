"""Checks of this machine before anything is created on it."""

from __future__ import annotations

import os
from itertools import product
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.layout import POD_NETWORK, SERVICE_NETWORK
from otel_mesh_embedded.node.machine import facts as machine
from otel_mesh_embedded.node.machine import state_folder
from otel_mesh_embedded.node.network import ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from otel_mesh_embedded.node.layout import Layout
    from otel_mesh_embedded.node.machine.facts import Facts
    from otel_mesh_embedded.node.machine.ports import PortUse

MEMORY_NEEDED = 4 * 1024**3
DISK_NEEDED = 10 * 1024**3
DISK_RESERVE = 256 * 1024**2
"""Free bytes below which a running environment is out of space: etcd's next log files need them."""
_RANGES = ((POD_NETWORK, "pods", ranges.POD_VARIABLE), (SERVICE_NETWORK, "Services", ranges.SERVICE_VARIABLE))
_WIDE = 8  # prefix length of a route such as 10.0.0.0/8 of a VPN: our routes are longer and win
_LONGEST_STATE_PATH = 60  # a socket's path has at most 107 bytes, and ours lie up to 45 below


def problems(facts: Facts) -> list[CommandError]:
    """Everything that prevents the node from running here, the most basic first."""
    if facts.system != "Linux":
        return [CommandError(f"operating system: {facts.system}, not Linux", remedy="use a Linux machine or VM")]
    if facts.uid != 0:
        return [_not_root(facts.uid)]
    return [
        *_others(facts),
        *_kernel(facts),
        *_state(facts),
        *_resources(facts),
        *ports_in_use(facts.taken_ports),
        *_networks(facts),
    ]


def check_rights() -> None:
    """Refuse anyone but root."""
    if os.geteuid() != 0:
        raise _not_root(os.geteuid())


def check(layout: Layout, forwards: Iterable[tuple[int, str]] = ()) -> None:
    """Refuse a machine that is not suitable.

    Args:
        layout: Paths of the environment, which need not exist.
        forwards: Loopback ports that are used later, with their names.

    Raises:
        CommandError: the first problem together with all others.
    """
    found = problems(machine.gather(layout, forwards))
    if not found:
        return
    first, *more = found
    also = f"; also: {'; '.join(error.message for error in more)}" if more else ""
    raise CommandError(f"{first.message}{also}", remedy=first.remedy)


def _not_root(uid: int) -> CommandError:
    return CommandError(
        f"user: uid {uid}, not root, and the node needs bridges, mounts and cgroups",
        remedy="run it as root, e.g. with sudo -E",
    )


def _others(facts: Facts) -> Iterator[CommandError]:
    for state in facts.other_states:
        yield CommandError(
            f"otel-mesh: another environment runs on this machine, its state is in {state}",
            remedy=f"stop it with OTEL_MESH_STATE={state} otel-mesh down",
        )
    if facts.other_kube_proxy is not None:
        yield CommandError(
            f"another Kubernetes: {facts.other_kube_proxy} writes the same packet filter chains",
            remedy="stop it, or use that cluster with `otel-mesh up --stack ... --context ... --registry ...`",
        )


def _kernel(facts: Facts) -> Iterator[CommandError]:
    for feature in facts.missing_features:
        yield CommandError(f"kernel: no {feature}", remedy="use a kernel that has it, or load its module")
    for name in facts.missing_programs:
        yield CommandError(f"program {name}: not on PATH", remedy="install it: apt-get install mount")


def _state(facts: Facts) -> Iterator[CommandError]:
    if len(str(facts.state)) > _LONGEST_STATE_PATH:
        reason = f"its path is longer than {_LONGEST_STATE_PATH} characters, sockets in it could not be opened"
        yield CommandError(f"state folder {facts.state}: {reason}", remedy="set OTEL_MESH_STATE to a shorter one")
    if facts.untrusted:
        reason = f"{facts.untrusted}, and root runs what is there"
        yield CommandError(reason, remedy=state_folder.untrusted_remedy(facts.state))
    if facts.state_on in ("overlay", "nfs", "nfs4", "9p", "tmpfs", "ecryptfs"):
        yield CommandError(
            f"state folder {facts.state}: on {facts.state_on}, which cannot hold container images",
            remedy="set OTEL_MESH_STATE to a folder on a local disk (ext4, xfs, btrfs)",
        )


def _resources(facts: Facts) -> Iterator[CommandError]:
    if facts.is_running:  # it holds its share already
        yield from full_disk(facts.state, facts.disk_free)
        return
    if facts.memory_free < MEMORY_NEEDED:
        yield CommandError(
            f"memory: {_gib(facts.memory_free)} GiB free, {_gib(MEMORY_NEEDED)} GiB needed",
            remedy="end other programs or use a larger machine",
        )
    if facts.disk_free < DISK_NEEDED:
        yield CommandError(
            f"disk of {facts.state}: {_gib(facts.disk_free)} GiB free, {_gib(DISK_NEEDED)} GiB needed",
            remedy="free space or set OTEL_MESH_STATE to a folder on a larger disk",
        )


def ports_in_use(uses: Iterable[PortUse]) -> Iterator[CommandError]:
    """Errors of ports that other programs use."""
    for use in uses:
        own = f"stop that program or choose another port with OTEL_MESH_PORT_{use.wanted_by.upper()}"
        yield CommandError(
            f"port {use.address}:{use.port} (for {use.wanted_by}): in use by {use.holder}",
            remedy="stop that program" if use.wanted_by.startswith(("kube", "etcd")) else own,
        )


def full_disk(state: Path, free: int) -> Iterator[CommandError]:
    """Error of a state folder on a disk with too few free bytes; none if there is room."""
    if free < DISK_RESERVE:
        yield CommandError(
            f"disk of {state}: full ({free / 1024**2:.0f} MiB free), the database and the pods cannot write",
            remedy="free space there, then run `otel-mesh up`: nothing that was written is lost",
        )


def _networks(facts: Facts) -> Iterator[CommandError]:
    purge = "`otel-mesh down --purge`"
    if facts.has_other_ranges:
        reason = "its pods and Services have addresses that this version does not use"
        remedy = f"remove that environment with its data by {purge}"
        yield CommandError(f"state folder {facts.state}: {reason}", remedy=remedy)
        return
    if facts.recorded_ranges and (other := ranges.contradicting(facts.recorded_ranges)):
        remedy = f"unset the variable, or remove the environment with its data by {purge}"
        yield CommandError(f"state folder {facts.state}: made with {other}", remedy=remedy)
    for (network, interface), (ours, users, variable) in product(facts.routes, _RANGES):
        if network.overlaps(ours) and network.prefixlen > _WIDE:
            yield CommandError(
                f"network {network} (interface {interface}): overlaps {ours}, which is for the node's {users}",
                remedy=f"remove that route, or set {variable} to a free range"
                + (f" after {purge}" if facts.recorded_ranges else ""),
            )


def _gib(amount: int) -> str:
    return f"{amount / 1024**3:.1f}"
