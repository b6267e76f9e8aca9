"""The node's network in a separate network namespace: creation, repair, refusals and removal."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.paths import repo_dir

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

PREAMBLE = """
import subprocess, sys
from pathlib import Path
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.network import iptables
from otel_mesh_embedded.node.layout import NODE_ADDRESS, POD_NETWORK, SERVICE_NETWORK, Layout
from otel_mesh_embedded.node.node import assemble

node = assemble(Layout(Path(sys.argv[1])), built=False)
node.layout.make_folders()
network = node.network

def tool(*words):
    done = subprocess.run(words, env=dict(node.programs.environment), capture_output=True, text=True, check=True)
    return done.stdout

def rules():
    return "".join(tool(f"{node.layout.bin}/iptables-save", "-t", table) for table in iptables.TABLES)
"""


def inside(state: Path, code: str) -> None:
    """Run Python in separate network and mount namespaces, so that /sys shows its interfaces."""
    script = 'mount -t sysfs sysfs /sys && exec "$0" -c "$1" "$2"'
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", script, sys.executable, PREAMBLE + code, str(state)],
        cwd=repo_dir(),
        env={**os.environ, "PYTHONPATH": str(repo_dir())},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_network_is_created_once_repaired_and_removed_completely(tmp_path: Path) -> None:
    inside(
        tmp_path,
        """
network.up()
first = rules()
assert f"-A OTEL-MESH-PREROUTING -d {POD_NETWORK} -j DROP" in first
assert "-A INPUT -j OTEL-MESH-INPUT" in first
assert f"inet {NODE_ADDRESS}/{POD_NETWORK.prefixlen}" in tool("ip", "address", "show", "dev", "otelmesh0")
assert f"{SERVICE_NETWORK} dev otelmesh0" in tool("ip", "route")
network.up()
assert [l for l in rules().splitlines() if l[:1] == "-"] == [l for l in first.splitlines() if l[:1] == "-"]
tool("ip", "address", "flush", "dev", "otelmesh0")
tool(f"{node.layout.bin}/iptables", "-D", "FORWARD", "-j", "OTEL-MESH-FORWARD")
network.up()
assert "-A FORWARD -j OTEL-MESH-FORWARD" in rules()
assert f"{SERVICE_NETWORK} dev otelmesh0" in tool("ip", "route")
tool("ip", "link", "add", "pod0", "type", "veth", "peer", "name", "pod1")
tool("ip", "link", "set", "pod0", "master", "otelmesh0")
assert "network interface pod0" in network.leftovers()
network.down()
assert network.leftovers() == [], network.leftovers()
network.down()
""",
    )


def test_firewall_rules_of_others_stay(tmp_path: Path) -> None:
    inside(
        tmp_path,
        """
network.up()
iptables_program = f"{node.layout.bin}/iptables"
tool(iptables_program, "-P", "FORWARD", "DROP")
tool(iptables_program, "-N", "DOCKER-USER")
tool(iptables_program, "-A", "FORWARD", "-j", "DOCKER-USER")
tool(iptables_program, "-t", "nat", "-A", "POSTROUTING", "-s", "172.17.0.0/16", "-j", "MASQUERADE")
tool(iptables_program, "-N", "KUBE-FORWARD")
tool(iptables_program, "-A", "FORWARD", "-j", "KUBE-FORWARD")
network.down()
left = rules()
assert ":FORWARD DROP" in left and "-A FORWARD -j DOCKER-USER" in left and "172.17.0.0/16" in left
assert "OTEL-MESH" not in left and "KUBE-" not in left
""",
    )


@pytest.mark.parametrize(
    ("owner", "said"),
    [("otel-mesh /srv/other", "made for /srv/other"), ("", "made by another program")],
)
def test_a_foreign_bridge_is_left_alone(tmp_path: Path, owner: str, said: str) -> None:
    inside(
        tmp_path,
        f"""
tool("ip", "link", "add", "name", "otelmesh0", "type", "bridge")
tool("ip", "address", "add", "192.0.2.1/24", "dev", "otelmesh0")
if {owner!r}:
    tool("ip", "link", "set", "otelmesh0", "alias", {owner!r})
try:
    network.up()
except CommandError as error:
    assert {said!r} in str(error), error
else:
    raise AssertionError("taken over")
assert "192.0.2.1" in tool("ip", "address", "show", "dev", "otelmesh0")
""",
    )


def test_a_bridge_created_just_before_a_kill_is_recognised_as_ours(tmp_path: Path) -> None:
    inside(
        tmp_path,
        """
tool("ip", "link", "add", "name", "otelmesh0", "type", "bridge")
network.up()
assert network.bridge_is_ours()
network.down()
assert network.leftovers() == []
""",
    )
