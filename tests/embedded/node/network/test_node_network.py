from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.layout import POD_NETWORK
from otel_mesh_embedded.node.network import iptables
from otel_mesh_embedded.node.network.iptables import Iptables, additions, own_chains, removals

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
NAT = """\
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-ABC - [0:0]
:KUBE-POSTROUTING - [0:0]
:OTEL-MESH-POSTROUTING - [0:0]
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-DN-ours - [0:0]
:CNI-DN-theirs - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -j OTEL-MESH-POSTROUTING
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"otel-mesh\\" id: \\"1\\"" -j CNI-DN-ours
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"podman\\" id: \\"2\\"" -j CNI-DN-theirs
-A KUBE-SERVICES -d 10.247.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-ABC
-A KUBE-SERVICES -d 10.246.0.1/32 -m comment --comment "must be last" -j KUBE-NODEPORTS
-A KUBE-SVC-ABC -j KUBE-SEP-X
-A OTEL-MESH-POSTROUTING -s 10.246.0.0/16 ! -d 10.246.0.0/16 -j MASQUERADE
COMMIT
"""


def test_our_chains_come_first_and_are_added_once() -> None:
    script = additions("filter", EMPTY)
    assert "-I FORWARD 1 -j OTEL-MESH-FORWARD" in script
    assert f"-A OTEL-MESH-INPUT -s {POD_NETWORK} -i otelmesh0 -p tcp -m tcp --dport 16443 -j ACCEPT" in script
    done = EMPTY.replace("COMMIT\n", "") + "\n".join(
        line.replace("-I FORWARD 1", "-A FORWARD").replace("-I INPUT 1", "-A INPUT")
        for line in script.splitlines()
        if line.startswith("-")
    )
    assert additions("filter", done + "\nCOMMIT\n") == ""


def test_a_chain_that_someone_changed_is_written_anew_and_led_to_once() -> None:
    changed = EMPTY.replace(
        "COMMIT",
        "-A FORWARD -j OTEL-MESH-FORWARD\n-A FORWARD -j OTEL-MESH-FORWARD\n-A OTEL-MESH-FORWARD -j DROP\nCOMMIT",
    )
    script = additions("filter", changed)
    assert script.count("-D FORWARD -j OTEL-MESH-FORWARD") == 2
    assert script.count("-I FORWARD 1 -j OTEL-MESH-FORWARD") == 1
    assert ":OTEL-MESH-FORWARD - [0:0]" in script


def test_only_ours_is_removed() -> None:
    script = removals("nat", NAT, own_chains(NAT, with_kubernetes=True))
    assert "-X KUBE-SVC-ABC" in script
    assert "-X OTEL-MESH-POSTROUTING" in script
    assert "-X CNI-DN-ours" in script
    assert '-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES' in script
    assert "DOCKER" not in script
    assert "theirs" not in script
    assert "172.17" not in script
    assert ":POSTROUTING" not in script


def test_nothing_is_done_where_there_is_nothing() -> None:
    assert removals("filter", EMPTY, own_chains(EMPTY, with_kubernetes=True)) == ""


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"]}


@pytest.mark.parametrize(("own", "kubernetes_goes"), [("OTEL-MESH-POSTROUTING", True), ("OTHER-POSTROUTING", False)])
def test_another_kubernetes_keeps_its_chains(
    tmp_path: Path,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    own: str,
    kubernetes_goes: bool,  # noqa: FBT001
) -> None:
    """Where the node was never up, or is down already, kube-proxy's chains are somebody else's."""
    monkeypatch.setattr(iptables, "_LEGACY_TABLES", dict.fromkeys(("iptables", "ip6tables"), tmp_path / "names"))
    saved = NAT.replace("OTEL-MESH-POSTROUTING", own)
    for family in ("iptables", "ip6tables"):
        program(tmp_path, f"{family}-nft", "exit 0")
        program(tmp_path, f"{family}-nft-restore", f"cat >> {tmp_path / 'script'}")
        text = saved if family == "iptables" else NAT.replace(":OTEL-MESH-POSTROUTING - [0:0]\n", "")
        (tmp_path / family).write_text(text)
        program(tmp_path, f"{family}-nft-save", f"[ $2 != nat ] || cat {tmp_path / family}")
    assert any(" KUBE-" in line for line in iptables.present(tmp_path, environment)) is kubernetes_goes
    iptables.remove(tmp_path, environment)
    script = (tmp_path / "script").read_text()
    assert ("KUBE" in script) is kubernetes_goes
    assert "-X CNI-DN-ours" in script


@pytest.mark.parametrize(
    ("broken", "host", "chosen"),
    [
        (None, None, "nft"),
        (None, "iptables v1.8.9 (legacy)", "legacy"),
        (None, "iptables v1.8.9 (nf_tables)", "nft"),
        ("nft", None, "legacy"),
    ],
)
def test_the_variant_of_the_machine_is_used(
    tmp_path: Path, environment: dict[str, str], broken: str | None, host: str | None, chosen: str
) -> None:
    for variant in iptables.VARIANTS:
        program(tmp_path, f"iptables-{variant}", f"exit {int(variant == broken)}")
    assert iptables.choose(tmp_path, environment, host).variant == chosen


def test_a_kernel_without_packet_filter_is_named(tmp_path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(CommandError, match="neither the nft nor the legacy variant works"):
        iptables.choose(tmp_path, environment)


def test_what_iptables_refuses_is_told(tmp_path: Path, environment: dict[str, str]) -> None:
    program(tmp_path, "iptables-nft-restore", "cat >/dev/null; echo 'no chain by that name' >&2; exit 2")
    with pytest.raises(CommandError, match=r"iptables \(nft\): no chain by that name"):
        Iptables("nft", tmp_path, environment).restore("*nat\nCOMMIT\n")


def test_rules_that_cannot_be_read_are_not_taken_for_none(tmp_path: Path, environment: dict[str, str]) -> None:
    program(tmp_path, "iptables-nft-save", "exit 1")
    with pytest.raises(CommandError, match="rules of table nat cannot be read"):
        Iptables("nft", tmp_path, environment).save("nat")


def test_asking_about_legacy_rules_does_not_load_their_tables(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iptables, "_LEGACY_TABLES", {"iptables": tmp_path / "names"})
    for variant in iptables.VARIANTS:
        program(tmp_path, f"iptables-{variant}", "exit 0")
    assert [tool.variant for tool in iptables.in_use(tmp_path, environment)] == ["nft"]
    (tmp_path / "names").write_text("nat\n")
    assert [tool.variant for tool in iptables.in_use(tmp_path, environment)] == ["nft", "legacy"]
