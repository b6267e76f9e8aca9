from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.layout import NODE_ADDRESS, POD_NETWORK, RANGES, SERVICE_NETWORK, Layout
from otel_mesh_embedded.node.machine import facts, ports, preflight
from otel_mesh_embedded.node.machine.facts import Facts
from otel_mesh_embedded.node.machine.ports import PortUse
from otel_mesh_embedded.node.network import ranges
from otel_mesh_embedded.node.network.ranges import Ranges
from tests.ending import ending

GIB = 1024**3
GOOD = Facts(
    memory_free=8 * GIB,
    disk_free=50 * GIB,
    state=Path("/srv/otel-mesh"),
    routes=((IPv4Network("192.0.2.0/24"), "eth0"),),
)


def only(problem: Facts) -> CommandError:
    (error,) = preflight.problems(problem)
    return error


def test_a_good_machine_has_no_problem() -> None:
    assert preflight.problems(GOOD) == []


@pytest.mark.parametrize(
    ("change", "message", "remedy"),
    [
        ({"system": "Darwin"}, "operating system: Darwin, not Linux", "Linux machine"),
        ({"uid": 1000}, "user: uid 1000, not root", "sudo"),
        ({"missing_features": ("overlayfs",)}, "kernel: no overlayfs", "module"),
        ({"missing_programs": ("mount",)}, "program mount: not on PATH", "apt-get install"),
        ({"memory_free": 3 * GIB}, "memory: 3.0 GiB free, 4.0 GiB needed", "end other programs"),
        ({"disk_free": 2 * GIB}, "disk of /srv/otel-mesh: 2.0 GiB free, 10.0 GiB", "free space"),
        (
            {"disk_free": GIB // 8, "is_running": True},
            "disk of /srv/otel-mesh: full (128 MiB free)",
            "nothing that was",
        ),
        ({"state_on": "overlay"}, "on overlay, which cannot hold container images", "OTEL_MESH_STATE"),
        ({"state": Path("/" + "x" * 70)}, "longer than 60 characters", "shorter"),
        (
            {"other_states": (Path("/srv/mesh"),)},
            "its state is in /srv/mesh",
            "OTEL_MESH_STATE=/srv/mesh otel-mesh down",
        ),
        ({"other_kube_proxy": "process 12 (k3s)"}, "another Kubernetes: process 12 (k3s)", "--context"),
        (
            {"routes": ((IPv4Network((POD_NETWORK[768], 24)), "tun0"),)},
            f"network {POD_NETWORK[768]}/24 (interface tun0): overlaps {POD_NETWORK}, which is for the node's pods",
            "remove that route, or set OTEL_MESH_POD_CIDR to a free range",
        ),
        (
            {"routes": ((SERVICE_NETWORK, "wg0"),), "recorded_ranges": RANGES},
            f"network {SERVICE_NETWORK} (interface wg0): overlaps {SERVICE_NETWORK}, which is for the node's Services",
            "set OTEL_MESH_SERVICE_CIDR to a free range after `otel-mesh down --purge`",
        ),
        (
            {"has_other_ranges": True},
            "state folder /srv/otel-mesh: its pods and Services have addresses that this version does not use",
            "by `otel-mesh down --purge`",
        ),
        (
            {"taken_ports": (PortUse(IPv4Address("127.0.0.1"), 18080, "gateway", "process 4711 (nginx)"),)},
            "port 127.0.0.1:18080 (for gateway): in use by process 4711 (nginx)",
            "OTEL_MESH_PORT_GATEWAY",
        ),
        (
            {"taken_ports": (PortUse(NODE_ADDRESS, 16443, "kube-apiserver", "process 9 (java)"),)},
            f"port {NODE_ADDRESS}:16443 (for kube-apiserver): in use by process 9 (java)",
            "stop that program",
        ),
    ],
)
def test_each_problem_names_place_reason_and_remedy(change: dict[str, object], message: str, remedy: str) -> None:
    error = only(replace(GOOD, **change))  # type: ignore[arg-type]
    assert message in error.message
    assert remedy in error.remedy
    assert "\n" not in str(error)


def test_what_a_running_node_holds_is_not_missing() -> None:
    assert preflight.problems(replace(GOOD, memory_free=GIB, disk_free=GIB, is_running=True)) == []


def test_a_route_so_wide_that_ours_win_is_no_conflict() -> None:
    assert preflight.problems(replace(GOOD, routes=((IPv4Network("10.0.0.0/8"), "tun0"),))) == []


def test_all_problems_are_told_at_once_and_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = replace(GOOD, memory_free=0, disk_free=0)
    monkeypatch.setattr(facts, "gather", lambda *_: bad)
    with pytest.raises(CommandError, match=r"memory: 0\.0 GiB .*; also: disk of"):
        preflight.check(Layout(tmp_path / "state"))
    assert list(tmp_path.iterdir()) == []


def test_a_listener_is_found_with_its_program(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (found,) = ports.taken([(IPv4Address("127.0.0.1"), port, "gateway")])
        assert (found.port, found.wanted_by) == (port, "gateway")
        assert found.holder.startswith(f"process {os.getpid()} (")
        assert ports.taken([(IPv4Address("127.0.0.1"), port, "gateway")], [os.getpid()]) == []
        assert ports.taken([(NODE_ADDRESS, port, "gateway")]) == []
        taken = facts.gather(Layout(tmp_path), [(port, "gateway")]).taken_ports
    assert [(use.port, use.wanted_by) for use in taken if use.wanted_by == "gateway"] == [(port, "gateway")]
    assert ports.taken([(IPv4Address("127.0.0.1"), port, "gateway")]) == []


def test_a_listener_on_every_address_is_in_the_way_of_each() -> None:
    code = "import socket; s = socket.create_server(('0.0.0.0', 0)); print(s.getsockname()[1], flush=True); input()"
    command = [sys.executable, "-c", code]
    with ending(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)) as child:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        (found,) = ports.taken([(NODE_ADDRESS, port, "kubelet")])
        assert found.holder.startswith(f"process {child.pid} (")
        child.communicate(b"\n")


def test_routes_are_read_as_the_kernel_writes_them() -> None:
    table = (
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "otelmesh0\t0000F60A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
        "tun0\t0000580A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    )
    assert facts.routes(table) == [
        (IPv4Network("192.0.2.0/24"), "eth0"),
        (IPv4Network("10.88.0.0/16"), "tun0"),
    ]


def test_an_environment_keeps_its_ranges_and_a_variable_that_says_otherwise_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Ranges(IPv4Network("10.20.0.0/16"), IPv4Network("10.21.0.0/16"))
    monkeypatch.setenv("OTEL_MESH_POD_CIDR", "10.20.0.0/16")
    assert preflight.problems(replace(GOOD, recorded_ranges=made)) == []
    monkeypatch.setenv("OTEL_MESH_SERVICE_CIDR", "10.22.0.0/16")
    error = only(replace(GOOD, recorded_ranges=made))
    assert error.message.endswith("made with 10.21.0.0/16, not with OTEL_MESH_SERVICE_CIDR=10.22.0.0/16")
    assert "unset the variable" in error.remedy


def test_an_environment_without_recorded_ranges_is_seen(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert not facts.gather(layout).has_other_ranges
    layout.make_folders()
    (layout.pki / "ca.crt").touch()
    assert facts.gather(layout).has_other_ranges
    ranges.record(layout.networks, RANGES)
    found = facts.gather(layout)
    assert (found.has_other_ranges, found.recorded_ranges) == (False, RANGES)


def test_only_root_may_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CommandError, match="uid 1000, not root"):
        preflight.check_rights()
