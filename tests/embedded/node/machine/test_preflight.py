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
from otel_mesh_embedded.node.layout import Layout
from otel_mesh_embedded.node.machine import facts, ports, preflight
from otel_mesh_embedded.node.machine.facts import Facts, PortUse
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
        ({"other_states": (Path("/srv/mesh"),)}, "its state is in /srv/mesh", "OTEL_MESH_STATE=/srv/mesh make down"),
        ({"other_kube_proxy": "process 12 (k3s)"}, "another Kubernetes: process 12 (k3s)", "CONTEXT="),
        (
            {"routes": ((IPv4Network("10.87.3.0/24"), "tun0"),)},
            "network 10.87.3.0/24 (interface tun0): overlaps 10.87.0.0/16",
            "route away",
        ),
        (
            {"routes": ((IPv4Network("10.88.0.0/14"), "wg0"),)},
            "network 10.88.0.0/14 (interface wg0): overlaps 10.88.0.0/16",
            "route away",
        ),
        (
            {"taken_ports": (PortUse(IPv4Address("127.0.0.1"), 18080, "gateway", "process 4711 (nginx)"),)},
            "port 127.0.0.1:18080 (for gateway): in use by process 4711 (nginx)",
            "OTEL_MESH_PORT_GATEWAY",
        ),
        (
            {"taken_ports": (PortUse(IPv4Address("10.87.0.1"), 16443, "kube-apiserver", "process 9 (java)"),)},
            "port 10.87.0.1:16443 (for kube-apiserver): in use by process 9 (java)",
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
        (found,) = ports.listeners([(IPv4Address("127.0.0.1"), port)])
        assert (found.pid, found.port) == (os.getpid(), port)
        assert str(found).startswith(f"process {os.getpid()} (")
        assert ports.listeners([(IPv4Address("10.87.0.1"), port)]) == []
        taken = facts.gather(Layout(tmp_path), [(port, "gateway")]).taken_ports
    assert [(use.port, use.wanted_by) for use in taken if use.wanted_by == "gateway"] == [(port, "gateway")]
    assert ports.listeners([(IPv4Address("127.0.0.1"), port)]) == []


def test_a_listener_on_every_address_is_in_the_way_of_each() -> None:
    code = "import socket; s = socket.create_server(('0.0.0.0', 0)); print(s.getsockname()[1], flush=True); input()"
    command = [sys.executable, "-c", code]
    with ending(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)) as child:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        (found,) = ports.listeners([(IPv4Address("10.87.0.1"), port)])
        assert found.pid == child.pid
        child.communicate(b"\n")


def test_routes_are_read_as_the_kernel_writes_them() -> None:
    table = (
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "otelmesh0\t0000570A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
        "tun0\t0000580A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    )
    assert facts.routes(table) == [
        (IPv4Network("192.0.2.0/24"), "eth0"),
        (IPv4Network("10.88.0.0/16"), "tun0"),
    ]


def test_only_root_may_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CommandError, match="uid 1000, not root"):
        preflight.check_rights()
