"""The node's network: a bridge of its own, routes, kernel settings and packet filter chains; and their removal."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import run
from otel_mesh_embedded.node.layout import BRIDGE, NODE_ADDRESS, POD_NETWORK, SERVICE_NETWORK
from otel_mesh_embedded.node.network import iptables, policies
from otel_mesh_embedded.node.network.sysctls import KernelSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_embedded.node.layout import Layout

# Fixed, else the bridge takes the lowest of its ports' addresses and ARP entries of pods go stale.
_BRIDGE_MAC = f"0a:58:{NODE_ADDRESS.packed.hex(':')}"
_OTHER_NETWORKS = ("docker", "br-", "cni", "virbr", "flannel", "cali", "lxc", "podman")


@dataclass(frozen=True)
class Network:
    """The node's network below one state folder."""

    layout: Layout
    iptables_programs: Path
    environment: Mapping[str, str]

    def up(self) -> None:
        """Create what is missing; the rest stays as it is.

        Raises:
            CommandError: the kernel refuses a step.
        """
        if not self.bridge_is_ours():
            self._ip("link", "add", "name", BRIDGE, "address", _BRIDGE_MAC, "type", "bridge")
            self._ip("link", "set", BRIDGE, "alias", self._alias())
        self._ip("address", "replace", f"{NODE_ADDRESS}/{POD_NETWORK.prefixlen}", "dev", BRIDGE)
        self._ip("link", "set", BRIDGE, "up")
        # Without a route of their own, Service addresses need the machine to have a default route.
        self._ip("route", "replace", str(SERVICE_NETWORK), "dev", BRIDGE, "src", str(NODE_ADDRESS))
        KernelSettings(self.layout.sysctls).change()
        tool = iptables.choose(self.iptables_programs, self.environment, _host_iptables())
        for program in ("iptables", "ip6tables"):
            for suffix in ("", "-save", "-restore"):
                source = self.iptables_programs / f"{program}-{tool.variant}{suffix}"
                # The multi-call program looks at the name it is called by: the link must lead to itself.
                files.link(self.layout.bin / f"{program}{suffix}", source.resolve())
        iptables.add(tool)

    def down(self) -> None:
        """Remove everything that `up`, the network plugins and kube-proxy made."""
        iptables.remove(self.iptables_programs, self.environment)
        policies.remove_sets(self.environment)
        for name in self.links():
            self._ip("link", "delete", name, check=False)
        others = any(link.name.startswith(_OTHER_NETWORKS) for link in Path("/sys/class/net").iterdir())
        KernelSettings(self.layout.sysctls).restore(others_need_network=others)

    def bridge_is_ours(self) -> bool:
        """True if the bridge exists and was made for this state folder.

        Raises:
            CommandError: another program owns an interface of that name.
        """
        alias = Path("/sys/class/net") / BRIDGE / "ifalias"
        if not alias.exists():
            return False
        owner = alias.read_text().strip()
        # Killed between making the bridge and naming its owner: a bridge without ports and address is nobody's.
        if owner == self._alias() or (not owner and not self._is_used()):
            self._ip("link", "set", BRIDGE, "alias", self._alias())
            return True
        whose = f"made for {owner.removeprefix('otel-mesh ')}" if owner else "made by another program"
        raise CommandError(
            f"network interface {BRIDGE}: already there, {whose}",
            remedy=f"stop what uses it, or remove it with `ip link delete {BRIDGE}`",
        )

    def links(self) -> list[str]:
        """Interfaces of pods at the node's bridge, then the bridge."""
        folder = Path("/sys/class/net") / BRIDGE
        try:
            if not self.bridge_is_ours():
                return []
        except CommandError:  # someone else's: not ours to remove
            return []
        return [*sorted(port.name for port in (folder / "brif").iterdir()), BRIDGE]

    def leftovers(self) -> list[str]:
        """Interfaces and chains of the node that exist."""
        chains = iptables.present(self.iptables_programs, self.environment)
        sets = policies.sets(self.environment)
        return [
            *(f"network interface {name}" for name in self.links()),
            *(f"chain {name}" for name in chains),
            *(f"ipset {name}" for name in sets),
        ]

    def _alias(self) -> str:
        return f"otel-mesh {self.layout.state}"

    def _is_used(self) -> bool:
        has_ports = any((Path("/sys/class/net") / BRIDGE / "brif").glob("*"))
        return has_ports or "inet " in self._ip("-4", "-oneline", "address", "show", "dev", BRIDGE)

    def _ip(self, *words: str, check: bool = True) -> str:
        done = run(["ip", *words], env=self.environment)
        if not check:
            return done.stdout
        remedy = "check that this machine lets root make bridges and routes"
        return done.require(f"ip {' '.join(words)}", remedy=remedy)


def _host_iptables() -> str | None:
    """Version of the host's own iptables, whose variant the node should use too; None if not installed."""
    program = shutil.which("iptables")
    return run([program, "--version"]).stdout if program else None
