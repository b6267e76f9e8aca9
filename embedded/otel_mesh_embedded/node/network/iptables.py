"""Packet filter rules: adding the node's own chains, and removing chains without touching anyone else's rules."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.layout import API_PORT, BRIDGE, CNI_NETWORK, KUBELET_PORT, POD_NETWORK, SERVICE_NETWORK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VARIANTS = ("nft", "legacy")
TABLES = ("mangle", "nat", "filter")
_OWN = "OTEL-MESH-"

_IPV6 = Path("/proc/net/if_inet6")
_LEGACY_TABLES = {
    "iptables": Path("/proc/net/ip_tables_names"),
    "ip6tables": Path("/proc/net/ip6_tables_names"),
}

RULES: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    # Pods and Services are for this machine: what arrives for them on another interface was routed here by a neighbour.
    "mangle": (
        (
            "PREROUTING",
            f"{_OWN}PREROUTING",
            (
                "-i lo -j RETURN",
                f"-i {BRIDGE} -j RETURN",
                f"-d {POD_NETWORK} -j DROP",
                f"-d {SERVICE_NETWORK} -j DROP",
            ),
        ),
    ),
    "nat": (("POSTROUTING", f"{_OWN}POSTROUTING", (f"-s {POD_NETWORK} ! -d {POD_NETWORK} -j MASQUERADE",)),),
    # A firewall or Docker may have set these chains' policies to DROP.
    "filter": (
        ("FORWARD", f"{_OWN}FORWARD", (f"-s {POD_NETWORK} -j ACCEPT", f"-d {POD_NETWORK} -j ACCEPT")),
        (
            "INPUT",
            f"{_OWN}INPUT",
            tuple(
                f"-s {POD_NETWORK} -i {BRIDGE} -p tcp -m tcp --dport {port} -j ACCEPT"
                for port in (API_PORT, KUBELET_PORT)
            ),
        ),
    ),
}
"""Per table: the built-in chain that leads to ours, our chain, its rules."""


@dataclass(frozen=True)
class Iptables:
    """The iptables programs of one variant."""

    variant: str
    programs: Path
    """The folder that holds ``iptables-nft`` and the like."""
    environment: Mapping[str, str]

    def save(self, table: str, family: str = "iptables") -> str:
        """A table's rules as text.

        Raises:
            CommandError: the program does not run.
        """
        saved = _run([str(self.programs / f"{family}-{self.variant}-save"), "-t", table], self.environment)
        if saved is None:
            raise CommandError(
                f"{family} ({self.variant}): the rules of table {table} cannot be read",
                remedy=f"see what {self.programs / f'{family}-{self.variant}-save'} -t {table} says",
            )
        return saved

    def restore(self, text: str, family: str = "iptables") -> None:
        """Apply rules in one step, leaving everything they do not name.

        Raises:
            CommandError: the kernel or the program refuses them.
        """
        if not text:
            return
        command = [str(self.programs / f"{family}-{self.variant}-restore"), "--noflush", "--wait", "5"]
        done = subprocess.run(
            command, input=text, env=dict(self.environment), capture_output=True, text=True, check=False
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[0]
            raise CommandError(
                f"iptables ({self.variant}): {reason}",
                remedy="check that the kernel has netfilter with connection tracking and NAT",
            )


def choose(programs: Path, environment: Mapping[str, str], host_version: str | None = None) -> Iptables:
    """The variant this machine uses: the host's own, else nft, else legacy, whichever works.

    Args:
        programs: the folder with the programs of both variants.
        environment: to run them with.
        host_version: what the host's own ``iptables --version`` says, if it has one.

    Raises:
        CommandError: neither works.
    """
    order = VARIANTS[::-1] if host_version and "legacy" in host_version else VARIANTS
    for variant in order:
        if _works(programs, environment, variant):
            return Iptables(variant, programs, environment)
    raise CommandError(
        "iptables: neither the nft nor the legacy variant works on this kernel",
        remedy="load the modules nf_tables and nft_compat, or ip_tables and iptable_nat",
    )


def in_use(programs: Path, environment: Mapping[str, str], family: str = "iptables") -> list[Iptables]:
    """The variants that work here and may hold rules; asking the legacy one would itself load its tables."""
    legacy = _LEGACY_TABLES[family]
    variants = [v for v in VARIANTS if v == "nft" or (legacy.exists() and legacy.read_text().strip())]
    return [Iptables(variant, programs, environment) for variant in variants if _works(programs, environment, variant)]


def families() -> tuple[str, ...]:
    """The address families this machine speaks, as the names of their programs."""
    return ("iptables", "ip6tables") if _IPV6.exists() else ("iptables",)


def additions(table: str, saved: str) -> str:
    """Input for iptables-restore that gives a table our chains, first in the built-in ones.

    Args:
        table: its name.
        saved: what iptables-save says now.

    Returns:
        Empty when there is nothing to do.
    """
    lines = saved.splitlines()
    head, body = [], []
    for builtin, chain, rules in RULES[table]:
        present = [line.removeprefix(f"-A {chain} ") for line in lines if line.startswith(f"-A {chain} ")]
        jump = f"-A {builtin} -j {chain}"
        if present == list(rules) and lines.count(jump) == 1:
            continue
        head.append(f":{chain} - [0:0]")
        body += [f"-D {builtin} -j {chain}"] * lines.count(jump)
        body += [f"-A {chain} {rule}" for rule in rules] + [f"-I {builtin} 1 -j {chain}"]
    return "\n".join([f"*{table}", *head, *body, "COMMIT", ""]) if body else ""


def removals(table: str, saved: str, is_ours: Callable[[str], bool]) -> str:
    """Input for iptables-restore that removes chains and every rule that leads to them.

    Args:
        table: its name.
        saved: what iptables-save says now.
        is_ours: tells a chain that is to go by its name.

    Returns:
        Empty when there is nothing to remove.
    """
    lines = saved.splitlines()
    chains = [name for line in lines if line.startswith(":") and is_ours(name := line[1:].split()[0])]
    if not chains:
        return ""
    jumps = [
        f"-D{line.removeprefix('-A')}"
        for line in lines
        if line.startswith("-A ") and line.split()[1] not in chains and _target(line) in chains
    ]
    flushed = [f":{name} - [0:0]" for name in chains]
    return "\n".join([f"*{table}", *flushed, *jumps, *(f"-X {name}" for name in chains), "COMMIT", ""])


def is_foreign_kubernetes(saved_nat: str) -> bool:
    """Whether another Kubernetes' kube-proxy wrote the Service rules: addresses outside our network."""
    for line in saved_nat.splitlines():
        match = re.match(r"-A KUBE-SERVICES -d (\S+) .*-j (?!KUBE-NODEPORTS)", line)
        if match and not IPv4Network(match[1]).subnet_of(SERVICE_NETWORK):
            return True
    return False


def own_chains(saved: str, *, with_kubernetes: bool) -> Callable[[str], bool]:
    """A predicate for the chains of the node: its own, its pods' host ports, and kube-proxy's if wanted."""
    prefixes = (_OWN, "KUBE-") if with_kubernetes else (_OWN,)
    # The portmap plugin names the network in the rule that leads to a pod's chain, and shares that rule's chain.
    host_ports = set(re.findall(rf'"dnat name: \\"{CNI_NETWORK}\\".* -j (CNI-DN-\S+)', saved))
    return lambda name: name.startswith(prefixes) or name in host_ports


def present(programs: Path, environment: Mapping[str, str]) -> list[str]:
    """Chains of the node that exist, as ``iptables-nft nat KUBE-SERVICES``."""
    return [
        f"{family}-{tool.variant} {table} {chain}"
        for family in families()
        for tool in in_use(programs, environment, family)
        for table in TABLES
        for saved in [tool.save(table, family)]
        for chain in _chains(saved, own_chains(saved, with_kubernetes=not is_foreign_kubernetes(saved)))
    ]


def add(tool: Iptables) -> None:
    """Have our chains in place."""
    for table in TABLES:
        tool.restore(additions(table, tool.save(table)))


def remove(programs: Path, environment: Mapping[str, str]) -> None:
    """Remove the node's chains from every variant and family; kube-proxy's only when they are our cluster's."""
    for family in families():
        for tool in in_use(programs, environment, family):
            foreign = is_foreign_kubernetes(tool.save("nat", family))
            for table in TABLES:
                saved = tool.save(table, family)
                script = removals(table, saved, own_chains(saved, with_kubernetes=not foreign))
                tool.restore(script, family)


def _chains(saved: str, is_ours: Callable[[str], bool]) -> list[str]:
    return [name for line in saved.splitlines() if line.startswith(":") and is_ours(name := line[1:].split()[0])]


def _works(programs: Path, environment: Mapping[str, str], variant: str) -> bool:
    probe = [str(programs / f"iptables-{variant}"), "-t", "nat", "-S", "POSTROUTING"]
    return _run(probe, environment) is not None


def _target(rule: str) -> str:
    match = re.search(r" -[jg] (\S+)", rule)
    return match[1] if match else ""


def _run(command: list[str], environment: Mapping[str, str]) -> str | None:
    """A program's output, or None when it fails."""
    try:
        done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    except OSError:
        return None
    return None if done.returncode else done.stdout
