"""Packet filter rules: the node's own chains, added and removed without touching other rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import run
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
    """Folder with ``iptables-nft``, ``iptables-legacy`` and so on."""
    environment: Mapping[str, str]

    def save(self, table: str, family: str = "iptables") -> str:
        """Rules of a table, as iptables-save prints them.

        Raises:
            CommandError: the program fails.
        """
        program = self.programs / f"{family}-{self.variant}-save"
        done = run([program, "-t", table], env=self.environment)
        remedy = f"see what `{program} -t {table}` says"
        return done.require(f"{family} ({self.variant}): the rules of table {table} cannot be read", remedy=remedy)

    def restore(self, text: str, family: str = "iptables") -> None:
        """Apply rules in one step, leaving everything they do not name.

        Raises:
            CommandError: the kernel or the program refuses them.
        """
        if not text:
            return
        program = self.programs / f"{family}-{self.variant}-restore"
        done = run([program, "--noflush", "--wait", "5"], stdin=text, env=self.environment)
        done.require(
            f"{family} ({self.variant})", remedy="check that the kernel has netfilter with connection tracking and NAT"
        )

    def works(self) -> bool:
        """True if the kernel supports this variant."""
        return run(
            [self.programs / f"iptables-{self.variant}", "-t", "nat", "-S", "POSTROUTING"], env=self.environment
        ).ok


def choose(programs: Path, environment: Mapping[str, str], host_version: str | None = None) -> Iptables:
    """The variant this machine uses: that of its own ``iptables --version``, else nft, else legacy, whichever works.

    Raises:
        CommandError: neither variant works.
    """
    order = VARIANTS[::-1] if host_version and "legacy" in host_version else VARIANTS
    for variant in order:
        if (tool := Iptables(variant, programs, environment)).works():
            return tool
    raise CommandError(
        "iptables: neither the nft nor the legacy variant works on this kernel",
        remedy="load the modules nf_tables and nft_compat, or ip_tables and iptable_nat",
    )


def in_use(programs: Path, environment: Mapping[str, str], family: str = "iptables") -> list[Iptables]:
    """The variants that work here and may hold rules; asking the legacy one would itself load its tables."""
    legacy = _LEGACY_TABLES[family]
    variants = [v for v in VARIANTS if v == "nft" or (legacy.exists() and legacy.read_text().strip())]
    return [tool for variant in variants if (tool := Iptables(variant, programs, environment)).works()]


def families() -> tuple[str, ...]:
    """The address families this machine speaks, as the names of their programs."""
    return ("iptables", "ip6tables") if _IPV6.exists() else ("iptables",)


def additions(table: str, saved: str) -> str:
    """Input for iptables-restore that gives a table our chains, first in the built-in ones.

    Args:
        table: Name of the table.
        saved: Output of iptables-save.

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
        table: Name of the table.
        saved: Output of iptables-save.
        is_ours: Predicate for names of chains to remove.

    Returns:
        Empty when there is nothing to remove.
    """
    lines = saved.splitlines()
    chains = _chains(saved, is_ours)
    if not chains:
        return ""
    jumps = [
        f"-D{line.removeprefix('-A')}"
        for line in lines
        if line.startswith("-A ") and line.split()[1] not in chains and _target(line) in chains
    ]
    flushed = [f":{name} - [0:0]" for name in chains]
    return "\n".join([f"*{table}", *flushed, *jumps, *(f"-X {name}" for name in chains), "COMMIT", ""])


def own_chains(saved: str, *, with_kubernetes: bool) -> Callable[[str], bool]:
    """Predicate for names of the node's chains: its own, those of host ports, and kube-proxy's if wanted."""
    prefixes = (_OWN, "KUBE-") if with_kubernetes else (_OWN,)
    # The portmap plugin names the network in the rule that leads to a pod's chain, and shares that rule's chain.
    host_ports = set(re.findall(rf'"dnat name: \\"{CNI_NETWORK}\\".* -j (CNI-DN-\S+)', saved))
    return lambda name: name.startswith(prefixes) or name in host_ports


def was_up(programs: Path, environment: Mapping[str, str]) -> bool:
    """True if the node's own chains exist: only then are kube-proxy's chains ours, not another Kubernetes'."""
    tools = in_use(programs, environment)
    return any(_chains(tool.save(table), lambda name: name.startswith(_OWN)) for tool in tools for table in TABLES)


def present(programs: Path, environment: Mapping[str, str]) -> list[str]:
    """Chains of the node that exist, as ``iptables-nft nat KUBE-SERVICES``."""
    with_kubernetes = was_up(programs, environment)
    return [
        f"{family}-{tool.variant} {table} {chain}"
        for family in families()
        for tool in in_use(programs, environment, family)
        for table in TABLES
        for saved in [tool.save(table, family)]
        for chain in _chains(saved, own_chains(saved, with_kubernetes=with_kubernetes))
    ]


def add(tool: Iptables) -> None:
    """Create or repair the node's own chains."""
    for table in TABLES:
        tool.restore(additions(table, tool.save(table)))


def remove(programs: Path, environment: Mapping[str, str]) -> None:
    """Remove the node's chains from every variant and family, and kube-proxy's with them."""
    with_kubernetes = was_up(programs, environment)
    for family in families()[::-1]:  # IPv4 last: our own chains are there, by which a second run knows kube-proxy's
        for tool in in_use(programs, environment, family):
            for table in TABLES:
                saved = tool.save(table, family)
                tool.restore(removals(table, saved, own_chains(saved, with_kubernetes=with_kubernetes)), family)


def _chains(saved: str, is_ours: Callable[[str], bool]) -> list[str]:
    return [name for line in saved.splitlines() if line.startswith(":") and is_ours(name := line[1:].split()[0])]


def _target(rule: str) -> str:
    match = re.search(r" -[jg] (\S+)", rule)
    return match[1] if match else ""
